//! Text that others wrote, made fit to be shown.

/// `text` on one line that reads as it is written: control characters, line ends, and marks that turn the direction of
/// the text around them (UAX 9) are escaped as Rust does, and so is whatever `also` names.
pub fn visible(text: &str, also: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match acts(c) || also(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

/// Whether a terminal or a viewer does something at this character instead of showing it.
fn acts(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        let check = |text: &str, expected: &str| assert_eq!(visible(text, |_| false), expected);
        check("uid=a\\,b 陳 é", "uid=a\\,b 陳 é");
        check("\u{1b}[2J\n\t\u{7f}", "\\u{1b}[2J\\u{a}\\u{9}\\u{7f}");
        check("a\u{202e}b\u{2066}c\u{2028}", "a\\u{202e}b\\u{2066}c\\u{2028}");
        assert_eq!(visible("a b", |c| c == ' '), "a\\u{20}b");
    }
}
