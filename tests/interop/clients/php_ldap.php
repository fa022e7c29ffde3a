<?php
// PHP's extension ldap, used as Moodle does: a service account looks people up and reads them in pages, people log in under
// the names it found, change their PIN by Password Modify, and their own entry where a rule lets them.
// Every refusal is a warning too.
error_reporting(E_ALL & ~E_WARNING);
$campus = json_decode(getenv('CAMPUS'));
ldap_set_option(null, LDAP_OPT_X_TLS_CACERTFILE, $campus->ca);
ldap_set_option(null, LDAP_OPT_X_TLS_REQUIRE_CERT, LDAP_OPT_X_TLS_DEMAND);

function that(string $sentence, bool $is_so, mixed $found = ''): void
{
    echo $is_so ? "ok $sentence\n" : "not ok $sentence: " . json_encode($found, JSON_UNESCAPED_UNICODE) . "\n";
}

function equal(string $sentence, mixed $found, mixed $expected): void
{
    that($sentence, $found === $expected, ['found' => $found, 'expected' => $expected]);
}

function connect(?string $url = null): LDAP\Connection
{
    global $campus;
    $ldap = ldap_connect($url ?? $campus->tls_url);
    ldap_set_option($ldap, LDAP_OPT_PROTOCOL_VERSION, 3);
    ldap_set_option($ldap, LDAP_OPT_REFERRALS, 0);
    return $ldap;
}

function service(): LDAP\Connection
{
    global $campus;
    $ldap = connect();
    ldap_bind($ldap, ...$campus->service) or exit("the service account cannot log in\n");
    return $ldap;
}

function member(string $uid): LDAP\Connection
{
    global $campus;
    $ldap = connect();
    ldap_bind($ldap, "uid=$uid,$campus->people", $campus->pins->$uid) or exit("$uid cannot log in\n");
    return $ldap;
}

// What PHP says of the last operation: its words, and the server's.
function said(LDAP\Connection $ldap): string
{
    ldap_get_option($ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, $more);
    return ldap_error($ldap) . ($more ? ": $more" : '');
}

// The DN of the person of that name, found as Moodle does, or null.
function dn_of(LDAP\Connection $ldap, string $uid): ?string
{
    global $campus;
    $filter = '(&(objectClass=*)(uid=' . ldap_escape($uid, '', LDAP_ESCAPE_FILTER) . '))';
    $entry = ldap_first_entry($ldap, ldap_search($ldap, $campus->people, $filter, ['uid']));
    return $entry ? ldap_get_dn($ldap, $entry) : null;
}

// The values of one attribute in all that a search finds, sorted.
function values(LDAP\Connection $ldap, string $base, string $filter, string $attribute): array
{
    $found = [];
    foreach (ldap_get_entries($ldap, ldap_search($ldap, $base, $filter, [$attribute])) as $entry) {
        foreach ($entry[strtolower($attribute)] ?? [] as $key => $value) {
            if ($key !== 'count') {
                $found[] = $value;
            }
        }
    }
    sort($found);
    return $found;
}

// Searches with one control: its entries, and the value of the answer's control.
function controlled(LDAP\Connection $ldap, string $base, string $filter, string $oid, mixed $value, string $answer): array
{
    $control = ['oid' => $oid, 'iscritical' => true, 'value' => $value];
    $result = ldap_search($ldap, $base, $filter, ['uid'], 0, 0, 0, LDAP_DEREF_NEVER, [$control]);
    ldap_parse_result($ldap, $result, $code, $matched, $message, $referrals, $controls);
    return [ldap_get_entries($ldap, $result), $controls[$answer]['value'] ?? null];
}

function log_ins(): void
{
    global $campus;
    $service = service();
    foreach ($campus->pins as $uid => $pin) {
        if (in_array($uid, ['ada', 'rene', 'yamada'])) {
            that("$uid is found, and logs in under that name", ldap_bind(connect(), dn_of($service, $uid), $pin));
        }
    }
    equal('a wildcard for a name finds nobody', dn_of($service, 'ad*'), null);
    $ldap = connect();
    foreach (['ada' => 'wrong', 'nobody' => 'wrong', 'disabled' => $campus->pins->disabled] as $uid => $pin) {
        that("$uid with the PIN $pin is no log-in", !ldap_bind($ldap, "uid=$uid,$campus->people", $pin), said($ldap));
        equal("and in these words", [ldap_errno($ldap), said($ldap)], [49, 'Invalid credentials']);
    }
    $plain = connect($campus->url);
    that('StartTLS is verified', ldap_start_tls($plain), said($plain));
    that('and a log-in goes over it', ldap_bind($plain, ...$campus->service), said($plain));
    equal('whoami tells who it is', ldap_exop_whoami($plain), "dn:{$campus->service[0]}");
    that('an unbind ends it', ldap_unbind($plain));
}

function groups(): void
{
    global $campus;
    [$ldap, $ada, $of_ada] = [service(), "uid=ada,$campus->people", $campus->groups_of_ada];
    equal('groups by member', values($ldap, $campus->groups, "(member=$ada)", 'cn'), $of_ada->member);
    equal('groups by uniqueMember', values($ldap, $campus->groups, "(uniqueMember=$ada)", 'cn'), $of_ada->uniqueMember);
    equal('groups by memberUid', values($ldap, $campus->groups, '(memberUid=ada)', 'cn'), $of_ada->memberUid);
    $around = "(member:1.2.840.113556.1.4.1941:=$ada)";
    equal('groups in groups', values($ldap, $campus->groups, $around, 'cn'), $of_ada->around);
    equal('memberOf', values($ldap, $ada, '(uid=ada)', 'memberOf'), $of_ada->memberOf);
    // Moodle's ldap_isgroupmember.
    $read = ldap_read($ldap, "cn=staff,$campus->groups", "(member=$ada)", ['cn']);
    equal('a group that is read with a member for a filter is there', ldap_count_entries($ldap, $read), 1);
    $read = ldap_read($ldap, "cn=lab,$campus->groups", "(member=$ada)", ['cn']);
    equal('and one without is not', ldap_count_entries($ldap, $read), 0);
    $members = values($ldap, "cn=staff,$campus->groups", '(objectClass=*)', 'member');
    that('members are read from the group', in_array($ada, $members), $members);
}

function searches(): void
{
    global $campus;
    [$ldap, $uids, $cookie] = [service(), [], ''];
    do {
        $asked = ['size' => 5, 'cookie' => $cookie];
        $paged = LDAP_CONTROL_PAGEDRESULTS;
        [$entries, $value] = controlled($ldap, $campus->people, '(&(objectClass=*)(uid=*))', $paged, $asked, $paged);
        $cookie = $value['cookie'] ?? '';
        that('a page has no more than it should', $entries['count'] <= 5, $entries['count']);
        $uids = array_merge($uids, array_map(fn ($entry) => $entry['uid'][0], array_slice($entries, 1)));
    } while ($cookie !== '' && count($uids) < 1000);
    $everybody = array_keys((array) $campus->pins);
    sort($uids);
    sort($everybody);
    equal('pages bring everybody once', $uids, $everybody);
    $by_number = [['attr' => 'uidNumber', 'reverse' => true]];
    [$entries, $value] = controlled($ldap, $campus->people, '(employeeType=student)', LDAP_CONTROL_SORTREQUEST, $by_number,
        LDAP_CONTROL_SORTRESPONSE);
    $uids = array_map(fn ($entry) => $entry['uid'][0], array_slice($entries, 1));
    equal('sorted is sorted', $uids, array_reverse($campus->students));
    equal('and says so', $value, ['errcode' => 0]);
    equal('a name in Japanese is found', values($ldap, $campus->people, '(sn=山田)', 'uid'), ['yamada']);
}

function failures(): void
{
    global $campus;
    $ldap = member('mary');
    that('what is not there is not found', !ldap_read($ldap, "ou=nowhere,$campus->suffix", '(objectClass=*)'));
    equal('no such object', ldap_errno($ldap), 32);
    ldap_get_option($ldap, LDAP_OPT_MATCHED_DN, $matched);
    equal('and what of it is there is told', $matched, $campus->suffix);
    $some = ldap_search($ldap, $campus->suffix, '(objectClass=*)', ['1.1'], 0, 3);
    equal('a size limit gives what there is until then', [ldap_errno($ldap), ldap_count_entries($ldap, $some)], [4, 3]);
    $unknown = [['oid' => '1.2.3.4.5', 'iscritical' => true]];
    that('an unknown critical control is refused',
        !ldap_search($ldap, $campus->suffix, '(uid=ada)', [], 0, 0, 0, LDAP_DEREF_NEVER, $unknown));
    equal('unavailable critical extension', ldap_errno($ldap), 12);
    $unknown[0]['iscritical'] = false;
    $found = ldap_search($ldap, $campus->suffix, '(uid=ada)', [], 0, 0, 0, LDAP_DEREF_NEVER, $unknown);
    equal('one that is not critical is passed over', ldap_count_entries($ldap, $found), 1);
    that('a stranger changes nothing',
        !ldap_mod_replace($stranger = connect(), "uid=ada,$campus->people", ['mobile' => '1']), said($stranger));
    equal('who nobody is has to log in first', said($stranger), 'Strong(er) authentication required: log in first');
}

function own_entry(): void
{
    global $campus;
    [$grace, $own] = [member('grace'), "uid=grace,$campus->people"];
    that('a member changes her own number', ldap_mod_replace($grace, $own, ['telephoneNumber' => '+49 30 4711']), said($grace));
    equal('and reads it', values($grace, $own, '(uid=grace)', 'telephoneNumber'), ['+49 30 4711']);
    that('a photograph arrives whole', ldap_mod_add($grace, $own, ['jpegPhoto' => "\xff\xd8\0\xff"]), said($grace));
    equal('byte for byte', values($grace, $own, '(uid=grace)', 'jpegPhoto'), ["\xff\xd8\0\xff"]);
    that('no rule lets her change her mail', !ldap_mod_replace($grace, $own, ['mail' => 'g@uni.example']));
    equal('and she is told', said($grace), 'Insufficient access: mail: you may not write it');
    equal('the attribute says no more than before', values($grace, $own, '(uid=grace)', 'mail'), ['grace@uni.example']);
    passwords($grace, $own);
}

function passwords(LDAP\Connection $grace, string $own): void
{
    global $campus;
    $present = $campus->pins->grace;
    that('a wrong present PIN changes nothing', !ldap_exop_passwd($grace, $own, 'wrong', 'a-newer-pin-5'), said($grace));
    that('who changes the own PIN gives the present one', !ldap_exop_passwd($grace, $own, '', 'a-newer-pin-5'), said($grace));
    that('the right one changes it', ldap_exop_passwd($grace, $own, $present, 'a-newer-pin-5') === true, said($grace));
    that('the new one logs in', ldap_bind(connect(), $own, 'a-newer-pin-5'));
    that('the old one no more', !ldap_bind(connect(), $own, $present));
    $root = connect();
    ldap_bind($root, ...$campus->root);
    $made_up = ldap_exop_passwd($root, $own);
    that('an administrator has one made up', is_string($made_up) && $made_up !== '', said($root));
    that('and that one logs in', ldap_bind(connect(), $own, $made_up));
}

// An administrator's way through one entry, from its birth to its end.
function writes(): void
{
    global $campus;
    $ldap = connect();
    ldap_bind($ldap, ...$campus->root);
    [$dn, $moved] = ["uid=new,$campus->people", "uid=newer,$campus->suffix"];
    $entry = ['objectClass' => ['inetOrgPerson'], 'cn' => 'Neu', 'sn' => 'Ling', 'employeeNumber' => '7'];
    that('an entry is added', ldap_add($ldap, $dn, $entry), said($ldap));
    that('and only once', !ldap_add($ldap, $dn, $entry) && ldap_errno($ldap) === 68, said($ldap));
    $batch = [
        ['attrib' => 'title', 'modtype' => LDAP_MODIFY_BATCH_ADD, 'values' => ['Dr.']],
        ['attrib' => 'sn', 'modtype' => LDAP_MODIFY_BATCH_REPLACE, 'values' => ['Änderung']],
        ['attrib' => 'employeeNumber', 'modtype' => LDAP_MODIFY_BATCH_REMOVE_ALL],
    ];
    that('three changes are one', ldap_modify_batch($ldap, $dn, $batch), said($ldap));
    equal('compare is true', ldap_compare($ldap, $dn, 'sn', 'änderung'), true);
    equal('or false', ldap_compare($ldap, $dn, 'sn', 'Ling'), false);
    $wrong = [$batch[0], ['attrib' => 'sn', 'modtype' => LDAP_MODIFY_BATCH_REMOVE_ALL]];
    that('half a change is none', !ldap_modify_batch($ldap, $dn, $wrong) && ldap_errno($ldap) === 20, said($ldap));
    that('a person without a surname is none', !ldap_mod_del($ldap, $dn, ['sn' => []]) && ldap_errno($ldap) === 65, said($ldap));
    that('it is renamed and moved', ldap_rename($ldap, $dn, 'uid=newer', $campus->suffix, true), said($ldap));
    equal('the new name is its uid', values($ldap, $moved, '(objectClass=*)', 'uid'), ['newer']);
    that('a group takes it in', ldap_mod_add($ldap, "cn=lab,$campus->groups", ['member' => $moved]), said($ldap));
    that('it is deleted', ldap_delete($ldap, $moved), said($ldap));
    that('and gone', !ldap_delete($ldap, $moved) && ldap_errno($ldap) === 32, said($ldap));
    $members = values($ldap, "cn=lab,$campus->groups", '(objectClass=*)', 'member');
    that('also from its group', !in_array($moved, $members), $members);
    that('what has entries below stays', !ldap_delete($ldap, $campus->people) && ldap_errno($ldap) === 66, said($ldap));
}

// Pre-read and post-read, and the password policy of a log-in.
function controls(): void
{
    global $campus;
    [$ldap, $olga, $asked] = [connect(), "uid=olga,$campus->people", ['attrs' => ['title', 'mail']]];
    ldap_bind($ldap, ...$campus->root);
    $controls = array_map(fn ($oid) => ['oid' => $oid, 'iscritical' => true, 'value' => $asked],
        [LDAP_CONTROL_PRE_READ, LDAP_CONTROL_POST_READ]);
    $result = ldap_mod_replace_ext($ldap, $olga, ['title' => 'Dr.'], $controls);
    ldap_parse_result($ldap, $result, $code, $matched, $message, $referrals, $answered);
    $mail = ['mail' => ['olga@uni.example']];
    $read = fn ($oid) => array_filter($answered[$oid]['value'] ?? [], 'is_array');
    equal('an entry is read before its change', $read(LDAP_CONTROL_PRE_READ), $mail);
    equal('and after it', $read(LDAP_CONTROL_POST_READ), $mail + ['title' => ['Dr.']]);
    foreach ([$campus->pins->olga => 0, 'wrong' => 49] as $pin => $expected) {
        $result = ldap_bind_ext($ldap, $olga, $pin, [['oid' => LDAP_CONTROL_PASSWORDPOLICYREQUEST]]);
        ldap_parse_result($ldap, $result, $code, $matched, $message, $referrals, $answered);
        $policy = $answered[LDAP_CONTROL_PASSWORDPOLICYRESPONSE]['value'] ?? null;
        equal("a log-in with the result $expected is told nothing by its control", [$code, $policy['error'] ?? null],
            [$expected, null]);
    }
}

log_ins();
groups();
searches();
failures();
own_entry();
writes();
controls();
