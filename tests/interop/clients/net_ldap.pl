# Perl's Net::LDAP, with its controls, extensions and its reading of the schema.
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8 decode_utf8);
use JSON::PP;
use Net::LDAP;
use Net::LDAP::Constant qw(
    LDAP_CONTROL_PAGED LDAP_CONTROL_PASSWORDPOLICY LDAP_CONTROL_POSTREAD LDAP_CONTROL_PREREAD LDAP_CONTROL_SORTRESULT
    LDAP_PP_MUST_SUPPLY_OLD_PASSWORD LDAP_PP_PASSWORD_MOD_NOT_ALLOWED);
use Net::LDAP::Control::Assertion;
use Net::LDAP::Control::Paged;
use Net::LDAP::Control::PasswordPolicy;
use Net::LDAP::Control::PostRead;
use Net::LDAP::Control::PreRead;
use Net::LDAP::Control::Sort;
use Net::LDAP::Control::SortResult;
use Net::LDAP::Extension::SetPassword;
use Net::LDAP::Extension::WhoAmI;
use Net::LDAP::Util qw(escape_filter_value);

binmode STDOUT, ':utf8';
$| = 1;
my $campus = decode_json($ENV{CAMPUS});
my ($suffix, $people, $groups) = @$campus{qw(suffix people groups)};
my ($root, $root_pin) = @{ $campus->{root} };
my ($service, $service_pin) = @{ $campus->{service} };
my %tls = (verify => 'require', cafile => $campus->{ca});

sub that {
    my ($sentence, $is_so, $found) = @_;
    print $is_so ? "ok $sentence\n" : "not ok $sentence: " . ($found // '') . "\n";
}

sub equal {
    my ($sentence, $found, $expected) = @_;
    my $text = JSON::PP->new->canonical->allow_nonref;
    my ($left, $right) = map { $text->encode($_) } $found, $expected;
    that($sentence, $left eq $right, "$left, expected: $right");
}

# The name of the result code, and what the server says beside it.
sub code {
    my ($sentence, $message, $name) = @_;
    that($sentence, $message->error_name eq "LDAP_$name", $message->error_name . ' ' . $message->error);
}

sub client {
    return Net::LDAP->new($campus->{tls_url}, %tls) // die "no connection: $@\n";
}

sub logged_in {
    my ($name, $pin) = @_;
    my $ldap = client();
    my $message = $ldap->bind($name, password => $pin);
    die "$name cannot log in: " . $message->error . "\n" if $message->code;
    return $ldap;
}

sub member {
    my ($uid) = @_;
    return logged_in("uid=$uid,$people", encode_utf8($campus->{pins}{$uid}));
}

# The values of one attribute in all that a search finds, sorted.
sub values_of {
    my ($ldap, $attribute, @search) = @_;
    my $message = $ldap->search(base => $groups, attrs => [$attribute], @search);
    return [sort map { decode_utf8($_) } map { $_->get_value($attribute) } $message->entries];
}

sub log_ins {
    my $ldap = client();
    for my $uid (qw(ada rene)) {
        my $bound = $ldap->bind("uid=$uid,$people", password => encode_utf8($campus->{pins}{$uid}));
        code("$uid logs in", $bound, 'SUCCESS');
        equal("$uid is who it is", $ldap->who_am_i->response, "dn:uid=$uid,$people");
    }
    for my $wrong (["uid=ada,$people", 'wrong'], ["uid=nobody,$people", 'wrong'],
        ["uid=disabled,$people", $campus->{pins}{disabled}]) {
        my $message = $ldap->bind($wrong->[0], password => $wrong->[1]);
        code("$wrong->[0] with the PIN $wrong->[1] is refused", $message, 'INVALID_CREDENTIALS');
        equal('in the same words', $message->error, 'Invalid credentials');
    }
    equal('who is refused is nobody', $ldap->who_am_i->response, '');
    code('an unbind ends it', $ldap->unbind, 'SUCCESS');
    my $plain = Net::LDAP->new($campus->{url});
    code('StartTLS is verified', $plain->start_tls(%tls), 'SUCCESS');
    code('and a log-in goes over it', $plain->bind($service, password => $service_pin), 'SUCCESS');
    my $again = $plain->extension(name => '1.3.6.1.4.1.1466.20037');
    code('TLS in TLS is refused', $again, 'OPERATIONS_ERROR');
    my $stranger = Net::LDAP->new($campus->{tls_url}, verify => 'require');
    that('nobody talks to a server that no authority of theirs knows', !$stranger);
}

sub discovery {
    my $ldap = logged_in($service, $service_pin);
    my $dse = $ldap->root_dse;
    equal('the root DSE names the suffix', [$dse->get_value('namingContexts')], [$suffix]);
    that('and the controls', $dse->supported_control(LDAP_CONTROL_PAGED, '1.3.6.1.1.12'));
    that('and the extensions', $dse->supported_extension('1.3.6.1.4.1.4203.1.11.1', '1.3.6.1.4.1.4203.1.11.3'));
    my $schema = $ldap->schema;
    that('the schema is read without complaint', $schema && !$schema->error, $schema && $schema->error);
    equal('a person must have', [sort map { $_->{name} } $schema->must('inetOrgPerson')], [qw(cn objectClass sn)]);
    that('and may have a mail address', scalar grep { $_->{name} eq 'mail' } $schema->may('inetOrgPerson'));
    equal('whose syntax has a name', $schema->attribute_syntax('mail')->{desc}, 'IA5 String');
    equal('and which is compared by', $schema->matchingrule_for_attribute('mail', 'equality'), 'caseIgnoreIA5Match');
    my @unknown = grep { $_->{syntax} && !$schema->syntax($_->{syntax}) } $schema->all_attributes;
    equal('every syntax is told of', [map { $_->{name} } @unknown], []);
    my @rules = grep { $_->{equality} && !$schema->matchingrule($_->{equality}) } $schema->all_attributes;
    equal('and every matching rule', [map { $_->{name} } @rules], []);
}

sub groups {
    my $ldap = logged_in($service, $service_pin);
    my $ada = "uid=ada,$people";
    my $of_ada = $campus->{groups_of_ada};
    my $found = sub { values_of($ldap, 'cn', filter => $_[0]) };
    equal('groups by member', $found->("(member=$ada)"), $of_ada->{member});
    equal('groups by uniqueMember', $found->("(uniqueMember=$ada)"), $of_ada->{uniqueMember});
    equal('groups by memberUid', $found->('(memberUid=ada)'), $of_ada->{memberUid});
    equal('groups in groups', $found->("(member:1.2.840.113556.1.4.1941:=$ada)"), $of_ada->{around});
    my $member_of = values_of($ldap, 'memberOf', base => $ada, scope => 'base', filter => '(objectClass=*)');
    equal('memberOf', $member_of, $of_ada->{memberOf});
}

sub searches {
    my $ldap = logged_in($service, $service_pin);
    my ($page, @uids) = Net::LDAP::Control::Paged->new(size => 5, critical => 1);
    while (1) {
        my $message = $ldap->search(base => $suffix, filter => '(objectClass=*)', attrs => ['uid'], control => [$page]);
        code('a page of five', $message, 'SUCCESS');
        push @uids, map { $_->dn } $message->entries;
        my ($answer) = $message->control(LDAP_CONTROL_PAGED) or last;
        $page->cookie($answer->cookie // '');
        last unless length $page->cookie;
    }
    my %once = map { $_ => 1 } @uids;
    equal('pages bring everything once', [scalar @uids, scalar keys %once], [$campus->{entries}, $campus->{entries}]);
    sorting($ldap);
    my $name = escape_filter_value(encode_utf8('Żółć'));
    my $found = values_of($ldap, 'uid', base => $people, filter => "(sn=$name)");
    equal('a name with letters of its own is found', $found, ['lukasz']);
    my $parts = values_of($ldap, 'uid', base => $people, filter => '(&(sn=*o*)(!(uid=s*))(uidNumber>=10003))');
    equal('a filter of several parts', $parts, [qw(locked nomail)]);
    abandoning($ldap);
}

sub sorting {
    my ($ldap) = @_;
    my $sorted = sub {
        my ($order, $critical) = @_;
        my $control = Net::LDAP::Control::Sort->new(order => $order, critical => $critical);
        my @search = (base => $people, filter => '(employeeType=student)', attrs => ['uid'], control => [$control]);
        my $message = $ldap->search(@search);
        my ($answer) = $message->control(LDAP_CONTROL_SORTRESULT);
        return ($message, $answer, [map { $_->get_value('uid') } $message->entries]);
    };
    my ($message, $answer, $uids) = $sorted->('-uidNumber', 1);
    equal('sorted is sorted', $uids, [reverse @{ $campus->{students} }]);
    equal('and says so', $answer->result, 0);
    ($message, $answer, $uids) = $sorted->('nosuch', 0);
    equal('by what nobody has is not sorted', [$message->code, $answer->result, scalar @$uids], [0, 16, 17]);
    ($message) = $sorted->('nosuch', 1);
    code('and refused where that matters', $message, 'UNAVAILABLE_CRITICAL_EXT');
}

sub abandoning {
    my ($ldap) = @_;
    my $seen = 0;
    my $stop = sub {
        my ($message, $entry) = @_;
        $ldap->abandon($message) if $entry && ++$seen == 3;
    };
    $ldap->search(base => $suffix, filter => '(objectClass=*)', callback => $stop);
    equal('after an abandoned search the connection lives', $ldap->who_am_i->response, "dn:$service");
}

sub failures {
    my $ldap = member('mary');
    my $none = $ldap->search(base => "ou=nowhere,$suffix", filter => '(objectClass=*)');
    code('what is not there', $none, 'NO_SUCH_OBJECT');
    equal('what of it is there', $none->dn, $suffix);
    my $some = $ldap->search(base => $suffix, filter => '(objectClass=*)', sizelimit => 3);
    code('a size limit', $some, 'SIZELIMIT_EXCEEDED');
    equal('gives what there is until then', scalar $some->entries, 3);
    my $unknown = { type => '1.2.3.4.5', critical => 1 };
    my @search = (base => $suffix, filter => '(uid=ada)', control => [$unknown]);
    code('an unknown critical control', $ldap->search(@search), 'UNAVAILABLE_CRITICAL_EXT');
    $unknown->{critical} = 0;
    code('an unknown one that is not', $ldap->search(@search), 'SUCCESS');
    code('an unknown extension', $ldap->extension(name => '1.2.3.4.5'), 'PROTOCOL_ERROR');
    code('another password', $ldap->set_password(user => "uid=ada,$people", newpasswd => 'a-newer-pin-5'), 'INSUFFICIENT_ACCESS');
    code('a name that is none', $ldap->search(base => 'what is this?', filter => '(uid=ada)'), 'INVALID_DN_SYNTAX');
    code('no referral', $ldap->search(base => 'dc=elsewhere', filter => '(uid=ada)'), 'NO_SUCH_OBJECT');
}

sub own_entry {
    my ($grace, $own) = (member('grace'), "uid=grace,$people");
    code('a member changes her own number', $grace->modify($own, replace => { mobile => '+49 4711' }), 'SUCCESS');
    my $title = $grace->modify($own, replace => { title => 'Queen' });
    code('and not her title', $title, 'INSUFFICIENT_ACCESS');
    equal('in words that help', $title->error, 'title: you may not write it');
    my ($old, $new) = ($campus->{pins}{grace}, 'a-newer-pin-5');
    that('a wrong present PIN changes nothing', $grace->set_password(oldpasswd => 'wrong', newpasswd => $new)->code);
    code('the right one changes it', $grace->set_password(oldpasswd => $old, newpasswd => $new), 'SUCCESS');
    code('the new one logs in', client()->bind($own, password => $new), 'SUCCESS');
    code('the old one no more', client()->bind($own, password => $old), 'INVALID_CREDENTIALS');
    my $administrator = logged_in($root, $root_pin);
    my $made_up = $administrator->set_password(user => $own);
    code('an administrator has one made up', $made_up, 'SUCCESS');
    code('which logs in', client()->bind($own, password => $made_up->gen_password), 'SUCCESS');
}

sub writes {
    my $ldap = logged_in($root, $root_pin);
    my ($dn, $moved, $lab) = ("uid=new,$people", "uid=newer,$suffix", "cn=lab,$groups");
    my @attrs = (objectClass => ['inetOrgPerson', 'posixAccount'], cn => 'Neu', sn => 'Ling', uidNumber => 20000,
        gidNumber => 20000, homeDirectory => '/home/new');
    code('an entry is added', $ldap->add($dn, attrs => \@attrs), 'SUCCESS');
    code('and only once', $ldap->add($dn, attrs => \@attrs), 'ALREADY_EXISTS');
    my @changes = (add => [title => 'Dr.'], replace => [sn => 'Lang'], increment => [uidNumber => 5]);
    code('three changes are one', $ldap->modify($dn, changes => \@changes), 'SUCCESS');
    my $read = sub { values_of($ldap, $_[1], base => $_[0], scope => 'base', filter => '(objectClass=*)') };
    equal('a number is incremented', $read->($dn, 'uidNumber'), ['20005']);
    my @wrong = (replace => [title => 'Prof.'], delete => [description => []]);
    code('half a change is none', $ldap->modify($dn, changes => \@wrong), 'NO_SUCH_ATTRIBUTE');
    equal('and leaves nothing', $read->($dn, 'title'), ['Dr.']);
    code('compare is true', $ldap->compare($dn, attr => 'sn', value => 'LANG'), 'COMPARE_TRUE');
    code('or false', $ldap->compare($dn, attr => 'sn', value => 'Ling'), 'COMPARE_FALSE');
    for my $case (['(sn=Lang)', 'SUCCESS'], ['(sn=Ling)', 'ASSERTION_FAILED']) {
        my $assertion = Net::LDAP::Control::Assertion->new(assertion => $case->[0], critical => 1);
        my $message = $ldap->modify($dn, replace => { title => 'Prof.' }, control => [$assertion]);
        code("a change under the assertion $case->[0]", $message, $case->[1]);
    }
    my @move = (newrdn => 'uid=newer', deleteoldrdn => 1, newsuperior => $suffix);
    code('it is renamed and moved', $ldap->moddn($dn, @move), 'SUCCESS');
    equal('its uid is the new name', $read->($moved, 'uid'), ['newer']);
    code('a group takes it in', $ldap->modify($lab, add => { member => $moved }), 'SUCCESS');
    code('it is deleted', $ldap->delete($moved), 'SUCCESS');
    code('and gone', $ldap->delete($moved), 'NO_SUCH_OBJECT');
    that('also from its group', !grep { $_ eq $moved } @{ $read->($lab, 'member') });
    code('what has entries below stays', $ldap->delete($people), 'NOT_ALLOWED_ON_NONLEAF');
}

# Pre-read and post-read: what an entry was before a change, and what it is after.
sub reading_entries {
    my $ldap = logged_in($root, $root_pin);
    my $olga = "uid=olga,$people";
    my @controls = map { $_->new(attrs => [qw(title mail)], critical => 1) } qw(Net::LDAP::Control::PreRead Net::LDAP::Control::PostRead);
    my $message = $ldap->modify($olga, replace => { title => 'Akademikerin' }, control => \@controls);
    code('a change with pre-read and post-read', $message, 'SUCCESS');
    my ($before) = $message->control(LDAP_CONTROL_PREREAD);
    my ($after) = $message->control(LDAP_CONTROL_POSTREAD);
    equal('it is told what was', [map { scalar $before->entry->get_value($_) } qw(title mail)], [undef, 'olga@uni.example']);
    equal('and what is', [map { scalar $after->entry->get_value($_) } qw(title mail)], ['Akademikerin', 'olga@uni.example']);
    $message = $ldap->delete($olga, control => [$controls[0]]);
    ($before) = $message->control(LDAP_CONTROL_PREREAD);
    equal('who deletes is told whom', $before->entry->dn, $olga);
}

sub password_policy {
    my @control = (control => [Net::LDAP::Control::PasswordPolicy->new]);
    my $told = sub {
        my ($message) = @_;
        my ($policy) = $message->control(LDAP_CONTROL_PASSWORDPOLICY);
        return $policy && $policy->pp_error;
    };
    my ($ldap, $zoe) = (client(), "uid=zoe,$people");
    for my $pin ($campus->{pins}{zoe}, 'wrong') {
        equal('a log-in is told nothing by its control', $told->($ldap->bind($zoe, password => $pin, @control)), undef);
    }
    $ldap = member('zoe');
    my $message = $ldap->set_password(newpasswd => 'a-newer-pin-5', @control);
    code('who does not give the present PIN', $message, 'UNWILLING_TO_PERFORM');
    equal('is told that it is missing', $told->($message), LDAP_PP_MUST_SUPPLY_OLD_PASSWORD + 0);
    $message = $ldap->set_password(user => "uid=ada,$people", newpasswd => 'a-newer-pin-5', @control);
    equal('whose PIN it is not, that they may not', $told->($message), LDAP_PP_PASSWORD_MOD_NOT_ALLOWED + 0);
}

log_ins();
discovery();
groups();
searches();
failures();
own_entry();
writes();
reading_entries();
password_policy();
