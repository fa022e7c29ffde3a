//! A made-up university: person number `i` and their PIN follow from `i` alone.

use std::fs::File;
use std::io::{BufWriter, Result, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use beadle::domain::pin::{HashMemory, Hashing, hash};
use beadle::types::Pin;

use crate::Options;

const SURNAMES: &str =
    "Chan Wong Lee Cheung Lam Ng Ho Leung Yip Tang Kwok Lau Chow Yeung Fung Tsang Smith Patel Garcia Kim";
const GIVEN: &str = "Ka Wing Siu Mei Chi Hoi Yan Tsz Man Lok Alex Priya Maria Min Sam Kit Wai Yuen Hin Sze";
const DEPARTMENTS: &str = "Engineering Medicine Law Arts Science Education Business Dentistry Library ITS";

pub const SUFFIX: &str = "dc=uni,dc=example";

fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The PIN of person `i`.
pub fn pin(i: u64) -> String {
    let letters = b"abcdefghjkmnpqrstuvwxyzACDEFGHJ";
    let mut z = splitmix(i);
    let mut pin = String::new();
    for _ in 0..11 {
        pin.push(char::from(letters[(z % 31) as usize]));
        z /= 31;
    }
    pin + "-7"
}

/// The UID of person `i`.
pub fn uid(i: u64) -> String {
    format!("u{i:07}")
}

fn ssha(i: u64) -> Vec<u8> {
    let salt = splitmix(i ^ 0x5A17).to_le_bytes();
    let mut digest = Sha1::new();
    digest.update(pin(i).as_bytes());
    digest.update(salt);
    let mut hash = digest.finalize().to_vec();
    hash.extend_from_slice(&salt);
    hash
}

fn word(list: &str, z: u64) -> &str {
    list.split(' ')
        .nth((z % list.split(' ').count() as u64) as usize)
        .unwrap_or("")
}

/// `people --n N --ldif FILE [--users FILE]`: LDIF for both directories, and FreeRADIUS's users file.
pub fn write(options: &Options) -> Result<()> {
    let n = options.number("n", 1000);
    let mut ldif = BufWriter::new(File::create(options.text("ldif", "people.ldif"))?);
    writeln!(
        ldif,
        "dn: {SUFFIX}\nobjectClass: top\nobjectClass: dcObject\nobjectClass: organization\no: University\ndc: uni\n"
    )?;
    writeln!(
        ldif,
        "dn: ou=people,{SUFFIX}\nobjectClass: organizationalUnit\nou: people\n"
    )?;
    (0..n).try_for_each(|i| person(&mut ldif, i, options.text("hash", "ssha")))?;
    ldif.flush()?;
    let Some(users) = Some(options.text("users", "")).filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let mut users = BufWriter::new(File::create(users)?);
    for i in 0..n {
        let hex: String = ssha(i).iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(users, "{}\tSSHA-Password := 0x{hex}", uid(i))?;
    }
    users.flush()
}

fn person(out: &mut impl Write, i: u64, scheme: &str) -> Result<()> {
    let z = splitmix(i ^ 0xAB_CDEF);
    let (uid, sn) = (uid(i), word(SURNAMES, z));
    let given = format!("{} {}", word(GIVEN, z >> 8), word(GIVEN, z >> 16));
    let class = if (z >> 32).is_multiple_of(5) {
        "staff"
    } else {
        "student"
    };
    writeln!(out, "dn: uid={uid},ou=people,{SUFFIX}")?;
    for class in ["top", "person", "organizationalPerson", "inetOrgPerson"] {
        writeln!(out, "objectClass: {class}")?;
    }
    writeln!(
        out,
        "uid: {uid}\ncn: {given} {sn}\nsn: {sn}\ngivenName: {given}\ndisplayName: {sn}, {given}"
    )?;
    writeln!(
        out,
        "mail: {uid}@uni.example\nemployeeNumber: {}\nemployeeType: {class}",
        3_035_000_000 + i
    )?;
    writeln!(
        out,
        "departmentNumber: {}\nou: {}",
        (z >> 24) % 10,
        word(DEPARTMENTS, z >> 24)
    )?;
    writeln!(out, "telephoneNumber: +852 3917 {:04}", z % 10_000)?;
    writeln!(
        out,
        "mobile: +852 6{:03} {:04}",
        (z >> 12) % 1000,
        (z >> 40) % 10_000
    )?;
    writeln!(
        out,
        "title: {}\nl: Hong Kong",
        if z & 1 == 1 { "Mr" } else { "Ms" }
    )?;
    writeln!(
        out,
        "preferredLanguage: {}",
        if z & 2 == 2 { "en" } else { "zh-Hant" }
    )?;
    writeln!(out, "roomNumber: R{:03}", (z >> 20) % 900)?;
    match scheme {
        "none" => writeln!(out),
        "argon2" => writeln!(out, "userPassword: {}\n", argon2(i)),
        _ => writeln!(out, "userPassword: {{SSHA}}{}\n", STANDARD.encode(ssha(i))),
    }
}

/// The hash beadle makes by default: both sides then check equal parameters.
fn argon2(i: u64) -> String {
    let hashing = Hashing::default();
    let salt = (u128::from(splitmix(i ^ 0x5A17)) << 64 | u128::from(i)).to_le_bytes();
    let hash = hash(
        &Pin::new(pin(i).into_bytes()),
        hashing,
        salt,
        &mut HashMemory::for_hashing(hashing),
    );
    String::from_utf8_lossy(hash.expose()).into_owned()
}
