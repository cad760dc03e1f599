//! One case per message of the macros: what is written wrong, and what the compiler says to it.

#[test]
fn messages() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/cases/*/*.rs");
}
