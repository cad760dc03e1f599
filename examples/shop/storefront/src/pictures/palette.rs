//! The colours that a product comes in.

use std::fmt;

/// A colour as hue (degrees), saturation and lightness (percent).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colour(pub(super) f32, pub(super) f32, pub(super) f32);

impl Colour {
    /// The same hue, lighter (or, with a negative number, darker) by so many points.
    pub(super) fn lit(self, points: f32) -> Self {
        Self(self.0, self.1, (self.2 + points).clamp(3.0, 97.0))
    }

    /// The hue turned by so many degrees.
    pub(super) fn turned(self, degrees: f32) -> Self {
        Self((self.0 + degrees).rem_euclid(360.0), self.1, self.2)
    }
}

impl fmt::Display for Colour {
    /// As `#rrggbb`, which every SVG renderer understands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, l) = (self.1 / 100.0, self.2 / 100.0);
        let channel = |n: f32| {
            let k = (n + self.0 / 30.0) % 12.0;
            let value = l - s * l.min(1.0 - l) * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
            (value * 255.0).round() as u8
        };
        write!(f, "#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
    }
}

/// The colours of one picture: the product's main colour from pale to deep, a second one, and the wall behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub(super) pale: Colour,
    pub(super) light: Colour,
    pub(super) base: Colour,
    pub(super) dark: Colour,
    pub(super) deep: Colour,
    pub(super) accent: Colour,
    pub(super) accent_light: Colour,
    pub(super) accent_dark: Colour,
    pub(super) wall: Colour,
}

impl Ink {
    /// Every palette's name.
    #[cfg(test)]
    pub(super) const NAMES: &[&str] = &[
        "terracotta",
        "sage",
        "ink",
        "mustard",
        "blush",
        "cream",
        "charcoal",
        "teal",
        "plum",
        "sky",
        "fern",
        "walnut",
    ];

    /// The palette of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (base, accent, wall) = match name {
            "terracotta" => (Colour(14.0, 56.0, 54.0), Colour(36.0, 58.0, 84.0), Colour(32.0, 60.0, 89.0)),
            "sage" => (Colour(136.0, 17.0, 54.0), Colour(34.0, 45.0, 80.0), Colour(92.0, 26.0, 88.0)),
            "ink" => (Colour(222.0, 42.0, 34.0), Colour(38.0, 82.0, 62.0), Colour(216.0, 42.0, 88.0)),
            "mustard" => (Colour(43.0, 82.0, 55.0), Colour(222.0, 30.0, 32.0), Colour(48.0, 72.0, 89.0)),
            "blush" => (Colour(350.0, 58.0, 77.0), Colour(348.0, 36.0, 46.0), Colour(352.0, 62.0, 93.0)),
            "cream" => (Colour(38.0, 46.0, 87.0), Colour(24.0, 48.0, 52.0), Colour(166.0, 20.0, 80.0)),
            "charcoal" => (Colour(216.0, 11.0, 29.0), Colour(20.0, 78.0, 60.0), Colour(210.0, 20.0, 87.0)),
            "teal" => (Colour(184.0, 48.0, 36.0), Colour(30.0, 82.0, 67.0), Colour(176.0, 34.0, 87.0)),
            "plum" => (Colour(318.0, 27.0, 40.0), Colour(40.0, 66.0, 68.0), Colour(312.0, 30.0, 91.0)),
            "sky" => (Colour(204.0, 58.0, 63.0), Colour(16.0, 76.0, 62.0), Colour(200.0, 58.0, 91.0)),
            "fern" => (Colour(130.0, 32.0, 37.0), Colour(24.0, 56.0, 57.0), Colour(78.0, 40.0, 88.0)),
            "walnut" => (Colour(24.0, 42.0, 34.0), Colour(36.0, 48.0, 82.0), Colour(28.0, 44.0, 87.0)),
            _ => return None,
        };
        Some(Self {
            pale: base.lit(22.0),
            light: base.lit(11.0),
            base,
            dark: base.lit(-11.0),
            deep: base.lit(-20.0),
            accent,
            accent_light: accent.lit(12.0),
            accent_dark: accent.lit(-16.0),
            wall,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_as_hex() {
        assert_eq!(Colour(0.0, 100.0, 50.0).to_string(), "#ff0000");
        assert_eq!(Colour(120.0, 100.0, 25.0).to_string(), "#008000");
        assert_eq!(Colour(240.0, 0.0, 100.0).to_string(), "#ffffff");
    }
}
