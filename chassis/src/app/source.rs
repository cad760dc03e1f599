//! Where a service comes from: it is finished, or a function makes it from parts.

use super::{Needs, Part, Parts, Service};
use crate::{BoxFuture, Error, Result};

/// A finished service, or a function that makes one. `M` only tells the two apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can not be run as a service",
    label = "neither a service nor a function that makes one",
    note = "a service has `#[service(name = \"…\")]` above its `impl` block; a function that makes one is async, takes parts (settings, `Database`, `Publisher`, clients) and returns `Result` of it"
)]
pub trait Source<M>: Send + 'static {
    /// The service.
    type Service: Service;

    #[doc(hidden)]
    fn build(self, parts: Parts) -> BoxFuture<'static, Result<Self::Service>>;

    #[doc(hidden)]
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

#[doc(hidden)]
pub struct ByValue;

#[doc(hidden)]
pub struct ByInit<A>(std::marker::PhantomData<A>);

impl<S: Service> Source<ByValue> for S {
    type Service = S;

    fn build(self, _: Parts) -> BoxFuture<'static, Result<S>> {
        Box::pin(std::future::ready(Ok(self)))
    }
}

macro_rules! by_init {
    ($($part:ident),*) => {
        impl<F, Fut, S, E, $($part),*> Source<ByInit<($($part,)*)>> for F
        where
            F: FnOnce($($part),*) -> Fut + Send + 'static,
            Fut: Future<Output = Result<S, E>> + Send + 'static,
            S: Service,
            E: Into<Error> + 'static,
            $($part: Part,)*
        {
            type Service = S;

            #[allow(non_snake_case, unused_variables)]
            fn build(self, parts: Parts) -> BoxFuture<'static, Result<S>> {
                Box::pin(async move {
                    $(let $part = $part::provide(&parts).await?;)*
                    self($($part),*).await.map_err(Into::into)
                })
            }

            #[allow(unused_variables)]
            fn needs(needs: &mut Needs) {
                $($part::needs(needs);)*
            }
        }
    };
}
by_init!();
by_init!(A);
by_init!(A, B);
by_init!(A, B, C);
by_init!(A, B, C, D);
by_init!(A, B, C, D, E1);
by_init!(A, B, C, D, E1, F1);
by_init!(A, B, C, D, E1, F1, G);
by_init!(A, B, C, D, E1, F1, G, H);
