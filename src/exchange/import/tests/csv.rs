//! What a file of CSV means.

use super::super::*;
use crate::exchange::export::{Form, Secrets};
use crate::exchange::import::tests::town::Town;
use crate::exchange::import::tests::{SSHA, dn, person, problems};

#[test]
fn a_csv_export_imports_again() {
    let mut town = Town::with_base();
    town.import(&person("ada", "description: a|b\\\ndescription: \"x\", y\nuserPassword: {CRYPT}$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
    let columns = [
        "dn",
        "objectClass",
        "uid",
        "cn",
        "sn",
        "o",
        "dc",
        "ou",
        "description",
        "userPassword",
    ];
    let form = Form::Csv(columns.map(Box::from).to_vec());
    let csv = town.export_as(&form, Secrets::Included);
    let told = town.import_as(Format::Csv, &csv, KeepGoing::No, Mode::Apply);
    assert_eq!(told.counts(), (0, 0, 3, 0), "{csv}");
}

#[test]
fn a_row_of_csv_speaks_of_its_columns_only() {
    let mut town = Town::with_base();
    let more = "objectClass: eduPerson\nmail: ada@uni.example\ntitle: Ms\njpegPhoto: xyz\ncn;lang-en: Ada";
    town.import(&person("ada", more));
    let import = |town: &mut Town, csv: &str| {
        let told = town.import_as(Format::Csv, csv, KeepGoing::No, Mode::Apply);
        assert_eq!(told.refused, [], "{csv}");
        told.counts()
    };
    let has = |town: &Town, name: &str| town.value(&dn("ada"), name).is_some();
    assert_eq!(import(&mut town, "uid,mail\nada,ada@uni.example\n"), (0, 0, 1, 0));
    assert_eq!(import(&mut town, "uid,sn,title\nada,Lovelace,\n"), (0, 1, 0, 0));
    assert_eq!(town.value(&dn("ada"), "sn").as_deref(), Some("Lovelace"));
    assert!(!has(&town, "title"), "an empty cell takes it away");
    assert!(has(&town, "mail") && has(&town, "jpegPhoto") && has(&town, "cn"));
    // What the values need is added to the classes that are there.
    assert_eq!(
        import(
            &mut town,
            "uid,uidNumber,gidNumber,homeDirectory,cn\nada,7,7,/home/ada,Ada\n"
        ),
        (0, 1, 0, 0)
    );
    let entry = town.export_as(
        &Form::Csv(vec!["uid".into(), "objectClass".into()]),
        Secrets::LeftOut,
    );
    assert!(
        entry.contains("ada,eduPerson|inetOrgPerson|posixAccount\n"),
        "{entry}"
    );
    // An entry that is new still has to be whole.
    let told = town.import_as(
        Format::Csv,
        "uid,mail\nbob,bob@uni.example\n",
        KeepGoing::No,
        Mode::Apply,
    );
    assert_eq!(told.counts(), (0, 0, 0, 1));
}

#[test]
fn a_csv_export_of_any_columns_imports_as_unchanged() {
    let mut town = Town::with_base();
    let posix =
        "objectClass: posixAccount\nuidNumber: 7\ngidNumber: 9\nhomeDirectory: /h\nbeadleClass: staff";
    town.import(&(person("ada", posix) + &person("bob", "")));
    for columns in [
        &["dn"][..],
        &["dn", "cn", "eduPersonAffiliation"],
        &["dn", "gidNumber", "title"],
        &["dn", "beadleClass", "modifyTimestamp", "entryUUID"],
        &["dn", "dc", "ou", "member"],
    ] {
        let form = Form::Csv(columns.iter().map(|name| Box::from(*name)).collect());
        let csv = town.export_as(&form, Secrets::LeftOut);
        let told = town.import_as(Format::Csv, &csv, KeepGoing::No, Mode::Apply);
        assert_eq!(told.counts(), (0, 0, 4, 0), "{csv}{:?}", told.refused);
    }
}

#[test]
fn a_column_gives_a_class_only_to_an_entry_that_has_a_value_there() {
    let mut town = Town::with_base();
    town.import(&(person("ada", "") + &person("bob", "")));
    let csv = "uid,cn,sn,eduPersonAffiliation\nada,ada,ada,staff\nbob,bob,bob,\neve,eve,eve,\n";
    let told = town.import_as(Format::Csv, csv, KeepGoing::No, Mode::Apply);
    assert_eq!(told.counts(), (1, 1, 1, 0), "{:?}", told.refused);
    let form = Form::Csv(vec!["uid".into(), "objectClass".into()]);
    let classes = town.export_as(&form, Secrets::LeftOut);
    assert!(
        classes.ends_with("ada,eduPerson|inetOrgPerson\nbob,inetOrgPerson\neve,inetOrgPerson\n"),
        "{classes}"
    );
}

#[test]
fn a_number_of_a_group_makes_no_group_of_a_person() {
    let mut town = Town::with_base();
    town.import(&person("ada", ""));
    let told = town.import_as(Format::Csv, "uid,gidNumber\nada,9\n", KeepGoing::No, Mode::Apply);
    assert_eq!(
        problems(&told),
        [
            "2: gidNumber: no object class of the entry allows it; remove it, or add an auxiliary `objectClass` that \
             allows it"
        ]
    );
}

#[test]
fn an_empty_cell_does_not_take_a_pin_away() {
    let mut town = Town::with_base();
    town.import(&(person("ada", &format!("userPassword: {SSHA}")) + &person("bob", "")));
    let csv = "uid,userPassword\nbob,\nada,\n";
    let told = town.import_as(Format::Csv, csv, KeepGoing::No, Mode::Apply);
    assert_eq!(
        problems(&told),
        [
            "3: userPassword: the cell is empty, and a file does not take a PIN away; put a hash there, set \
             beadleDisabled to TRUE to keep the person out, or leave the column out with --ignore"
        ]
    );
    assert_eq!(town.value(&dn("ada"), "userPassword").as_deref(), Some(SSHA));
}

#[test]
fn a_value_that_a_csv_row_is_silent_about_is_still_taken() {
    let mut town = Town::with_base();
    town.import(&person("ada", "mail: ada@uni.example"));
    town.import(&person("bob", ""));
    let rows = "dn,uid,mail\n\"uid=bob,ou=people,dc=uni,dc=example\",bob,ada@uni.example\n";
    let told = town.import_as(Format::Csv, rows, KeepGoing::No, Mode::Apply);
    assert!(
        told.refused[0].0.contains("already belongs to uid=ada"),
        "{:?}",
        told.refused
    );
}

#[test]
fn an_open_quote_refuses_the_rest_of_the_file_and_not_what_stands_before_it() {
    let mut town = Town::with_base();
    let endless = format!(
        "uid,cn,sn\nada,Ada,L\nbob,\"{}",
        "x".repeat(2 * crate::exchange::row::ROW_BYTES_MAX)
    );
    let told = town.import_as(Format::Csv, &endless, KeepGoing::No, Mode::Apply);
    assert!(
        told.refused[0]
            .0
            .starts_with("3: the quote that begins on this line")
    );
    assert_eq!(town.entries().snapshot.len(), 2);
    town.import_as(Format::Csv, &endless, KeepGoing::Yes, Mode::Apply);
    assert_eq!(town.entries().snapshot.len(), 3);
}
