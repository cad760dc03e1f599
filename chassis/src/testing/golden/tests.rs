use std::collections::BTreeMap;

use super::*;

/// Declares an event of the same name in a module of its own, as one program has it after the other.
macro_rules! version {
    ($module:ident { $($body:tt)* }) => {
        #[allow(dead_code, unreachable_pub, reason = "not every version needs everything")]
        mod $module {
            use std::collections::BTreeMap;
            use crate as chassis;

            #[chassis::event(name = "order.placed", version = 1, owner = "orders")]
            #[derive(Default)]
            pub struct Placed { $($body)* }

            #[chassis::model]
            #[derive(Default)]
            #[serde(rename_all = "snake_case")]
            pub enum Payment { #[default] Card, Invoice }

            #[chassis::model]
            #[derive(Default)]
            pub struct Line { pub sku: String, pub quantity: i64 }

            pub type Notes = BTreeMap<String, String>;
        }
    };
}

version!(original { pub order: String, pub lines: Vec<Line>, pub payment: Payment, pub note: Option<String>, pub notes: Notes });
version!(extended {
    pub order: String,
    pub lines: Vec<Line>,
    pub payment: Payment,
    pub note: Option<String>,
    pub notes: Notes,
    /// What is new.
    pub coupon: Option<String>,
});
version!(needy { pub order: String, pub lines: Vec<Line>, pub payment: Payment, pub note: Option<String>, pub notes: Notes, pub shop: String });
version!(renamed { pub id: String, pub lines: Vec<Line>, pub payment: Payment, pub note: Option<String>, pub notes: Notes });
version!(retyped { pub order: u64, pub lines: Vec<Line>, pub payment: Payment, pub note: Option<String>, pub notes: Notes });
version!(laxer { pub order: Option<String>, pub lines: Vec<Line>, pub payment: Payment, pub note: Option<String>, pub notes: Notes });
version!(stricter { pub order: String, pub lines: Vec<Line>, pub payment: Payment, pub note: String, pub notes: Notes });
version!(flattened { pub order: String, pub lines: Vec<String>, pub payment: Payment, pub note: Option<String>, pub notes: BTreeMap<String, u32> });

fn sample() -> original::Placed {
    original::Placed {
        order: "o-1".into(),
        lines: vec![original::Line { sku: "mug".into(), quantity: 2 }],
        payment: original::Payment::Invoice,
        note: Some("ring twice".into()),
        notes: BTreeMap::from([("gift".into(), "yes".into())]),
    }
}

fn golden() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    check(folder.path(), &sample(), Accept::Additions).expect("is written");
    folder
}

/// What is said of `next` after [`sample`].
fn failure<E: Event>(next: &E) -> String {
    check(golden().path(), next, Accept::Nothing).expect_err("it has changed")
}

#[test]
fn what_has_not_changed_passes_and_what_has_no_files_does_not() {
    let folder = golden();
    check(folder.path(), &sample(), Accept::Nothing).expect("the same");
    let empty = tempfile::tempdir().expect("a folder");
    let error = check(empty.path(), &sample(), Accept::Nothing).expect_err("there are no files");
    assert!(error.contains("no golden files") && error.contains("CHASSIS_ACCEPT=1"), "{error}");
}

#[test]
fn an_addition_fails_until_it_is_accepted() {
    let folder = golden();
    let next = extended::Placed { order: "o-1".into(), coupon: Some("TEN".into()), ..extended::Placed::default() };
    let error = check(folder.path(), &next, Accept::Nothing).expect_err("it has changed");
    assert!(error.contains("break no receiver") && error.contains("CHASSIS_ACCEPT=1"), "{error}");
    check(folder.path(), &next, Accept::Additions).expect("is taken over");
    check(folder.path(), &next, Accept::Nothing).expect("the same");
    let schema = std::fs::read_to_string(folder.path().join("order.placed.v1.schema.json")).expect("the file");
    assert!(schema.contains("What is new.") && schema.ends_with("}\n"), "{schema}");
}

#[test]
fn an_incompatible_change_is_named_with_its_place_and_the_way_out() {
    let renamed = failure(&renamed::Placed::default());
    assert!(renamed.contains("`/order` is gone"), "{renamed}");
    assert!(renamed.contains("`/id` is new and must be there"), "{renamed}");
    assert!(renamed.contains("version = 2") && renamed.contains("CHASSIS_ACCEPT=incompatible"), "{renamed}");

    let cases = [
        (failure(&needy::Placed::default()), "`/shop` is new and must be there"),
        (failure(&retyped::Placed::default()), "`/order` was string and is integer"),
        (failure(&laxer::Placed::default()), "`/order` need not be there any more"),
        (failure(&stricter::Placed::default()), "`/note` must be there now"),
        (failure(&flattened::Placed::default()), "`/lines/*` was object and is string"),
        (failure(&flattened::Placed::default()), "`/notes/*` was string and is integer"),
    ];
    for (failure, expected) in cases {
        assert!(failure.contains(expected), "{expected}: {failure}");
    }
}

#[test]
fn an_incompatible_change_needs_more_than_an_addition_does() {
    let folder = golden();
    let next = renamed::Placed::default();
    check(folder.path(), &next, Accept::Additions).expect_err("it breaks receivers");
    check(folder.path(), &sample(), Accept::Nothing).expect("nothing was written");
    check(folder.path(), &next, Accept::Everything).expect("is taken over");
}

#[test]
fn values_of_an_enumeration_are_neither_added_nor_removed() {
    let of = |values: &[&str]| serde_json::json!({ "type": "string", "enum": values });
    let documented = serde_json::json!({ "oneOf": [
        { "type": "string", "const": "card", "description": "By card." }, { "type": "string", "const": "cash" },
    ] });
    assert_eq!(compatibility::schemas(&of(&["card", "cash"]), &documented), Vec::<String>::new());
    let added = compatibility::schemas(&documented, &of(&["card", "cash", "gift"]));
    assert_eq!(added, ["`/` can also be \"gift\", which receivers of today do not know"]);
    assert_eq!(compatibility::schemas(&of(&["card", "cash"]), &of(&["card"])), ["`/` can no longer be \"cash\""]);
}

#[test]
fn a_type_that_contains_itself_is_compared_once() {
    let tree = |leaf: &str| {
        serde_json::json!({
            "$ref": "#/$defs/Tree",
            "$defs": { "Tree": { "type": "object", "properties": {
                "leaf": { "type": leaf }, "branches": { "type": "array", "items": { "$ref": "#/$defs/Tree" } } } } },
        })
    };
    assert_eq!(compatibility::schemas(&tree("string"), &tree("string")), Vec::<String>::new());
    assert_eq!(compatibility::schemas(&tree("string"), &tree("integer")), ["`/leaf` was string and is integer"]);
}

#[test]
fn alternatives_with_data_are_matched_whatever_their_order() {
    let variant = |name: &str, ty: &str| serde_json::json!({ "type": "object", "properties": { name: { "type": ty } }, "required": [name] });
    let of = |variants: Vec<Value>| serde_json::json!({ "oneOf": variants });
    let before = of(vec![variant("card", "string"), variant("cash", "integer")]);
    let turned = of(vec![variant("cash", "integer"), variant("card", "string")]);
    assert_eq!(compatibility::schemas(&before, &turned), Vec::<String>::new());
    let changed = of(vec![variant("card", "integer"), variant("cash", "integer")]);
    assert_eq!(compatibility::schemas(&before, &changed), ["`/card` was string and is integer"]);
    let more = of(vec![variant("card", "string"), variant("cash", "integer"), variant("gift", "string")]);
    let breaks = compatibility::schemas(&before, &more);
    assert_eq!(breaks, ["`/` can also be an object with `gift`, which receivers of today do not know"]);
}
