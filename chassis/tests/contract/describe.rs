//! The contract as data.

use chassis::contract::Place;
use schemars::SchemaGenerator;

use crate::shape::InventoryClient;

#[test]
fn everything_is_described() {
    let mut generator = SchemaGenerator::default();
    let spec = InventoryClient::describe(&mut generator);
    assert_eq!((spec.name, spec.version), ("inventory", 2));
    let operation = |name: &str| spec.operations.iter().find(|operation| operation.name == name).unwrap();

    let stock = operation("stock");
    assert_eq!((stock.path, stock.summary, stock.status), ("/v2/stock/{sku}", "Units on hand.", 200));
    assert_eq!(stock.description, "Units on hand.\n\nReserved ones are not counted.");
    assert!(stock.request.is_none() && stock.response.is_some() && stock.idempotent && !stock.keyed);
    let codes: Vec<(u16, &str)> = stock.errors.iter().map(|error| (error.status, error.code)).collect();
    assert_eq!(codes, [(409, "out_of_stock"), (404, "unknown_sku"), (410, "closed")]);
    assert_eq!(stock.errors[0].title, "Not enough of it");
    assert_eq!(stock.errors[2].title, "Closed");

    let search: Vec<(String, Place, bool)> = operation("search")
        .parameters
        .iter()
        .map(|parameter| (parameter.name.clone(), parameter.place, parameter.required))
        .collect();
    let expected = [("text", false), ("tags", false), ("sort", true), ("page", false)];
    let mut expected: Vec<_> = expected.map(|(name, required)| (name.to_owned(), Place::Query, required)).into();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    let mut search = search;
    search.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(search, expected);

    let set = operation("set");
    let places: Vec<(&str, Place, bool)> =
        set.parameters.iter().map(|p| (p.name.as_str(), p.place, p.required)).collect();
    assert_eq!(places, [("sku", Place::Path, true), ("if-match", Place::Header, false)]);
    assert!(set.request.is_some());

    let reserve = operation("reserve");
    assert!(reserve.keyed && reserve.idempotent && reserve.status == 201);
    assert_eq!(operation("work").status, 204);
    assert_eq!(operation("remove").status, 202);
    assert!(operation("remove").errors.is_empty());
    assert!(generator.definitions().contains_key("Reserve"));
}
