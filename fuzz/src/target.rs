//! The targets by name.

pub mod access_token;
pub mod authorization;
pub mod claims;
pub mod event;
pub mod introspection;
pub mod json;
pub mod jwe;
pub mod jwks;
pub mod metadata;
pub mod proof;
pub mod status;
pub mod token;
pub mod word;

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder of seeds.
    pub name: &'static str,
    /// Its function; it panics when something is wrong.
    pub judge: fn(&[u8]) -> Outcome,
}

/// What came of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken, and rightly so.
    Accepted,
    /// It was refused.
    Refused,
}

impl Outcome {
    fn of(accepted: bool) -> Self {
        if accepted { Self::Accepted } else { Self::Refused }
    }
}

macro_rules! named {
    ($($name:ident)*) => { &[$(Target { name: stringify!($name), judge: $name::target },)*] };
}

impl Target {
    /// Every target.
    pub const ALL: &'static [Self] = named! {
        access_token authorization claims event introspection json jwe jwks metadata proof status
        token word
    };

    /// The target of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(name: &str) -> &'static Self {
        Self::ALL.iter().find(|target| target.name == name).expect("a target of this name")
    }
}
