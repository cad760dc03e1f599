//! Contracts: what services may ask of each other, as traits. This module is what the code that
//! [`#[contract]`](macro@crate::contract) and [`#[derive(ApiError)]`](macro@crate::ApiError) generate stands on.
//!
//! A client has one of three backs: the service itself in the same process ([`Slot`]), a remote one
//! ([`client::Remote`](crate::client)), or a scripted double. What a caller can observe is the same for the first two:
//! deadlines, errors, and that a panic or an unexpected error tells nothing.
//!
//! | file | what it does |
//! |---|---|
//! | `operation`, `describe` | an operation as generated code and as documents have it |
//! | `incoming` | a request becomes arguments |
//! | `answer`, `table`, `text` | what a method takes and returns, there and back |
//! | `error`, `outcome` | errors, there and back |
//! | `back`, `call`, `local`, `double`, `fault` | the client and its backs |

mod answer;
mod back;
mod call;
mod describe;
mod double;
mod error;
mod fault;
mod incoming;
mod local;
mod operation;
mod outcome;
mod slot;
mod table;
mod text;

pub use answer::{Answer, ContractInput, ContractOutput, Reply};
pub use back::{CallOptions, Core};
pub(crate) use describe::bytes;
pub use describe::{ContractSpec, OperationSpec, ParameterSpec, Place};
pub use error::{ApiError, ErrorData, ErrorLabel, ErrorSpec, IntoError, OrUnexpected};
pub use fault::Fault;
pub use operation::Operation;
pub use slot::Slot;

#[doc(hidden)]
pub mod generated {
    //! What only generated code names.
    pub use super::answer::{Encoded, MapStream};
    pub use super::call::Call;
    pub use super::describe::Describe;
    pub use super::double::Script;
    pub use super::error::{error_data, lower, lower_any, raise, same_error};
    pub use super::incoming::Incoming;
    pub use super::table::{Form, Output, Plain, Whole, form, output, plain, whole};
    pub(crate) use super::text::write;
}
