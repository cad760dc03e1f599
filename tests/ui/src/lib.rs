//! What the compiler says to wrong declarations; see `tests/messages.rs`.
