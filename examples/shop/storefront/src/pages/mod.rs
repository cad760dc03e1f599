//! What the pages show. A page is a struct with a template; it knows nothing of services, so that it can be looked at by itself.

mod browsing;
mod buying;
mod frame;
mod ordering;
mod problem;

pub use browsing::{Card, HomePage, ListingPage, ProductPage, Sort, Stock, Tile};
pub use buying::{CARDS, CartPage, CheckoutForm, CheckoutPage, Line, TestCard};
pub use frame::{Frame, Link, Notice};
pub use ordering::{OrderPage, OrderRow, OrderStatus, OrderView, OrdersPage, Step};
pub use problem::ProblemPage;
