//! The word somebody probably meant.

/// Below this likeness (0 to 1) a suggestion would be a guess.
const LIKENESS_MIN: f64 = 0.8;

/// The one of `known` that `unknown` is most like, if any is like it at all. Case does not count.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let unknown = unknown.to_ascii_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&unknown, &name.to_ascii_lowercase());
    let rated = known.map(|name| (likeness(name), name));
    let best = rated.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (best.0 >= LIKENESS_MIN).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let check = |unknown, expected| {
            assert_eq!(
                nearest(unknown, ["listen", "listen_tls", "idle_s"].into_iter()),
                expected,
                "{unknown}"
            );
        };
        check("lisen", Some("listen"));
        check("LISTEN_SSL", Some("listen_tls"));
        check("idle", Some("idle_s"));
        check("zebra", None);
    }
}
