//! Streams of bytes in declarations: told by the name of their type, which is all that a macro sees.

use syn::visit_mut::VisitMut;
use syn::{Ident, Type, TypePath};

const NAME: &str = "ByteStream";

/// Whether a type is the stream itself.
pub(crate) fn is_stream(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == NAME))
}

/// Where a type names the stream first, however deep inside.
pub(crate) fn names_stream(ty: &Type) -> Option<Ident> {
    struct Find(Option<Ident>);
    impl VisitMut for Find {
        fn visit_type_path_mut(&mut self, path: &mut TypePath) {
            if let Some(last) = path.path.segments.last().filter(|last| last.ident == NAME) {
                self.0.get_or_insert_with(|| last.ident.clone());
            }
            syn::visit_mut::visit_type_path_mut(self, path);
        }
    }
    let mut find = Find(None);
    find.visit_type_mut(&mut ty.clone());
    find.0
}
