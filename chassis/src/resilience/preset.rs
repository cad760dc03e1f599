/// Settings that fit together, for a kind of call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Preset {
    /// A call between services that a user waits for: a second or two at most.
    #[default]
    Standard,
    /// A call that is answered within some milliseconds or not at all, such as one to a cache.
    Fast,
    /// A call that works long and that nobody waits for.
    Batch,
}
