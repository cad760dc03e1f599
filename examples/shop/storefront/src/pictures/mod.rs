//! Product pictures, drawn as SVG from three words: what it is, its colours, and a variant.
//!
//! The catalog only names a picture (`mug`, `terracotta`, 3); the storefront draws it, so that a product costs no image file and
//! every picture looks as if it was taken in one studio. The same three words always give the same picture.

mod audio;
mod furniture;
mod kitchen;
mod lighting;
mod outdoors;
mod palette;
mod plants;
mod studio;

use palette::Ink;

/// Draws one product. `variant` picks among the patterns and proportions that its kind knows.
type Draw = fn(&Ink, u32) -> String;

/// Everything that can be drawn: the kind's name, whether it stands on the floor, and how it is drawn.
const KINDS: &[(&str, Stand, Draw)] = &[
    ("mug", Stand::Floor(318, 92), kitchen::mug),
    ("teapot", Stand::Floor(316, 112), kitchen::teapot),
    ("kettle", Stand::Floor(322, 104), kitchen::kettle),
    ("moka", Stand::Floor(334, 78), kitchen::moka),
    ("pan", Stand::Floor(288, 132), kitchen::pan),
    ("board", Stand::Floor(340, 128), kitchen::board),
    ("carafe", Stand::Floor(334, 76), kitchen::carafe),
    ("bowls", Stand::Floor(314, 108), kitchen::bowls),
    ("mill", Stand::Floor(342, 58), kitchen::mill),
    ("desk-lamp", Stand::Floor(338, 92), lighting::desk_lamp),
    ("pendant", Stand::Hanging, lighting::pendant),
    ("table-lamp", Stand::Floor(342, 84), lighting::table_lamp),
    ("floor-lamp", Stand::Floor(356, 74), lighting::floor_lamp),
    ("lantern", Stand::Floor(340, 88), lighting::lantern),
    ("candles", Stand::Floor(326, 124), lighting::candles),
    ("string-lights", Stand::Hanging, lighting::string_lights),
    ("chair", Stand::Floor(346, 94), furniture::chair),
    ("armchair", Stand::Floor(336, 132), furniture::armchair),
    ("stool", Stand::Floor(340, 84), furniture::stool),
    ("side-table", Stand::Floor(342, 92), furniture::side_table),
    ("shelf", Stand::Floor(354, 112), furniture::shelf),
    ("sofa", Stand::Floor(316, 168), furniture::sofa),
    ("desk", Stand::Floor(332, 158), furniture::desk),
    ("monstera", Stand::Floor(346, 72), plants::monstera),
    ("snake-plant", Stand::Floor(346, 72), plants::snake_plant),
    ("cactus", Stand::Floor(346, 72), plants::cactus),
    ("fern", Stand::Floor(346, 72), plants::fern),
    ("succulent", Stand::Floor(336, 92), plants::succulent),
    ("olive", Stand::Floor(352, 72), plants::olive),
    ("watering-can", Stand::Floor(326, 108), plants::watering_can),
    ("headphones", Stand::Floor(344, 104), audio::headphones),
    ("speaker", Stand::Floor(344, 86), audio::speaker),
    ("turntable", Stand::Floor(312, 158), audio::turntable),
    ("radio", Stand::Floor(318, 140), audio::radio),
    ("microphone", Stand::Floor(350, 72), audio::microphone),
    ("earbuds", Stand::Floor(322, 104), audio::earbuds),
    ("backpack", Stand::Floor(346, 104), outdoors::backpack),
    ("tent", Stand::Floor(318, 168), outdoors::tent),
    ("bottle", Stand::Floor(352, 56), outdoors::bottle),
    ("duffel", Stand::Floor(320, 146), outdoors::duffel),
    ("mat", Stand::Floor(312, 150), outdoors::mat),
    ("compass", Stand::Floor(332, 104), outdoors::compass),
    ("campfire", Stand::Floor(330, 118), outdoors::campfire),
];

/// How a product meets its surroundings.
#[derive(Clone, Copy)]
enum Stand {
    /// It stands: the height of its foot and half the width of its shadow.
    Floor(u32, u32),
    /// It hangs, and throws no shadow on the floor.
    Hanging,
}

/// The picture as an SVG document, or `None` where the kind or the palette is unknown.
pub fn draw(kind: &str, palette: &str, variant: u32) -> Option<String> {
    let (_, stand, draw) = KINDS.iter().find(|(name, ..)| *name == kind)?;
    let ink = Ink::named(palette)?;
    Some(studio::photograph(&ink, *stand, &draw(&ink, variant)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_drawn_in_every_palette() {
        for (kind, ..) in KINDS {
            for palette in Ink::NAMES {
                for variant in 0..4 {
                    let svg = draw(kind, palette, variant).expect("known names");
                    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{kind} {palette}");
                    let groups = svg.matches("<g ").count() + svg.matches("<g>").count();
                    assert_eq!(groups, svg.matches("</g>").count(), "{kind} {palette}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_is_not_known_draws_nothing() {
        assert!(draw("unicorn", "sage", 0).is_none());
        assert!(draw("mug", "../../etc", 0).is_none());
    }
}
