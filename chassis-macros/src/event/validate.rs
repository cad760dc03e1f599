//! The rules of an event's declaration.

use syn::{Expr, Fields, Ident, LitInt, LitStr, Member};

use super::parse::Declared;
use crate::attrs::DurationLit;
use crate::diagnostics::{Diagnostics, list};
use crate::model::Model;

/// A checked declaration.
pub(super) struct Event {
    pub(super) name: LitStr,
    pub(super) version: LitInt,
    pub(super) owner: String,
    pub(super) kind: String,
    pub(super) key: Option<Member>,
    pub(super) expires_after: Option<DurationLit>,
}

pub(super) fn validate(declared: Declared, model: &Model, faults: &mut Diagnostics) -> Option<Event> {
    let key = declared.key.and_then(|key| member(&key, model, faults));
    let (name, version) = (declared.name?, declared.version?);
    let text = name.value();
    if !is_name(&text) || !text.contains('.') {
        faults.error(
            &name,
            format!(
                "`{text}` cannot name an event: write what it is about and what happened, such as \"order.placed\""
            ),
        );
    }
    if let Some(owner) = &declared.owner
        && (!is_name(&owner.value()) || owner.value().contains('.'))
    {
        faults.error(owner, format!("`{}` is no service's name: write one such as \"orders\"", owner.value()));
    }
    let owner = declared.owner.map_or_else(|| text.split('.').next().unwrap_or_default().to_owned(), |o| o.value());
    let kind = format!("{text}.v{version}");
    Some(Event { name, version, owner, kind, key, expires_after: declared.expires_after })
}

/// Lower-case words joined by dots, as routing keys want them.
fn is_name(text: &str) -> bool {
    text.split('.').all(|word| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    })
}

fn member(key: &Expr, model: &Model, faults: &mut Diagnostics) -> Option<Member> {
    let Model::Struct(item) = model else {
        faults.error(key, "`key` names a field, so the event must be a struct");
        return None;
    };
    let fields: Vec<&Ident> = match &item.fields {
        Fields::Named(fields) => fields.named.iter().filter_map(|field| field.ident.as_ref()).collect(),
        Fields::Unnamed(_) | Fields::Unit => Vec::new(),
    };
    if let Expr::Path(path) = key
        && let Some(name) = path.path.get_ident()
        && fields.contains(&name)
    {
        return Some(Member::Named(name.clone()));
    }
    let advice = if fields.is_empty() { "it has none".to_owned() } else { format!("write one of {}", list(&fields)) };
    faults.error(key, format!("`key` names the field by which messages keep their order; {advice}"));
    None
}
