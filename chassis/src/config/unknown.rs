//! Keys that nobody reads, and what was probably meant.

use super::Faults;
use super::fault::UNKNOWN_KEY;
use super::tree::Node;

/// The candidate that is so near to `name` that it was probably meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&name, &candidate.to_lowercase());
    let (distance, near) = candidates.map(|candidate| (distance(candidate), candidate)).min()?;
    let limit = (near.chars().count() / 3).max(1);
    (distance <= limit).then_some(near)
}

/// Adds a fault for a key that is unknown where `known` are the right ones.
pub(super) fn report(key: &str, node: &Node, known: impl Iterator<Item = String>, faults: &mut Faults) {
    const SHORT: usize = 12;
    let known = known.collect::<Vec<_>>();
    let fault = faults.add(key, UNKNOWN_KEY).at(node.place());
    if let Some(near) = nearest(key, known.iter().map(String::as_str)) {
        fault.hint(format!("did you mean `{near}`?"));
    } else if let Some(hint) = without(key, &known) {
        fault.hint(hint);
    } else if (1..=SHORT).contains(&known.len()) {
        fault.hint(format!("known here: {}", known.join(", ")));
    }
}

/// Why a section of the library is not read, where nothing below it is.
fn without(key: &str, known: &[String]) -> Option<&'static str> {
    const SECTIONS: [(&str, &str); 4] = [
        (
            "clients",
            "if `clients` is meant: no service here has one, which `#[init]` would take, such as `stock: StockClient`",
        ),
        (
            "database",
            "if `database` is meant: this program was built without the features `sqlite` and `postgres` of chassis",
        ),
        (
            "outbox",
            "if `outbox` is meant: this program was built without the features `sqlite` and `postgres` of chassis",
        ),
        ("messaging", "if `messaging` is meant: this program was built without the feature `messaging` of chassis"),
    ];
    let own = key.strip_prefix("services.").and_then(|rest| rest.split_once('.')).map_or(key, |(_, own)| own);
    let meant = nearest(own.split('.').next().unwrap_or_default(), SECTIONS.iter().map(|(section, _)| *section))?;
    let read = known.iter().any(|known| known.split('.').any(|part| part == meant));
    SECTIONS.iter().find(|(section, _)| !read && *section == meant).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_nothing_reads_is_explained() {
        let known = ["http", "database"].map(String::from);
        for key in ["clients", "clinets", "services.orders.clients"] {
            assert!(without(key, &known).is_some_and(|hint| hint.contains("no service here has one")), "{key}");
        }
        assert_eq!(without("databse", &known), None, "there it is only misspelt");
        assert_eq!(without("colour", &known), None);
        assert_eq!(without("clinets", &["clients.stock".to_owned()]), None);
    }

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["port", "host", "timeout"];
        for (name, expected) in
            [("prot", Some("port")), ("timout", Some("timeout")), ("PORT", Some("port")), ("colour", None)]
        {
            assert_eq!(nearest(name, names.into_iter()), expected, "{name}");
        }
    }
}
