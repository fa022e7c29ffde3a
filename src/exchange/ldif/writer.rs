//! Writing LDIF: folded, in base64 where plain text could not carry a value.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The longest line that is written; longer ones are folded (RFC 2849 note 2).
pub const FOLD_COLUMNS: usize = 76;

/// Appends `name: value` to `out`, in base64 where plain text could not carry the value, folded at
/// [`FOLD_COLUMNS`] columns.
pub fn push_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    if is_safe(value) {
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
    } else {
        out.extend_from_slice(b":: ");
        out.extend_from_slice(STANDARD.encode(value).as_bytes());
    }
    fold(out, start);
    out.push(b'\n');
}

/// Whether plain text carries `value` unchanged: RFC 2849 `SAFE-STRING` without a space at its end.
fn is_safe(value: &[u8]) -> bool {
    let unsafe_first = matches!(value.first(), Some(b' ' | b':' | b'<'));
    let safe = |byte: &u8| byte.is_ascii() && !matches!(byte, 0 | b'\n' | b'\r');
    !unsafe_first && value.last() != Some(&b' ') && value.iter().all(safe)
}

fn fold(out: &mut Vec<u8>, start: usize) {
    if out.len() - start <= FOLD_COLUMNS {
        return;
    }
    let line = out.split_off(start);
    let (first, rest) = line.split_at(FOLD_COLUMNS);
    out.extend_from_slice(first);
    for piece in rest.chunks(FOLD_COLUMNS - 1) {
        out.extend_from_slice(b"\n ");
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_folded_at_76_columns() {
        let mut out = Vec::new();
        push_line(&mut out, "cn", &[b'x'; 200]);
        let text = String::from_utf8(out).unwrap();
        let lengths: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lengths, [76, 76, 54]);
        assert!(text.lines().skip(1).all(|line| line.starts_with(" x")));
    }

    #[test]
    fn a_value_that_plain_text_would_change_is_base64() {
        let check = |value: &[u8], expected: &str| {
            let mut out = Vec::new();
            push_line(&mut out, "cn", value);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        };
        check(b"Ada", "cn: Ada\n");
        check(b"a: <b> :", "cn: a: <b> :\n");
        check(b"", "cn: \n");
        check(b" a", "cn:: IGE=\n");
        check(b"a ", "cn:: YSA=\n");
        check(b":a", "cn:: OmE=\n");
        check(b"<a", "cn:: PGE=\n");
        check("é".as_bytes(), "cn:: w6k=\n");
        check(b"a\nb", "cn:: YQpi\n");
    }
}
