//! The studio in which every product is photographed: a wall, soft light, and the materials that products are made of.

use super::Stand;
use super::palette::Ink;

/// Sets `product` before the wall, with light and shadow. Its shapes may be filled with the studio's materials:
/// `body` and `trim` (round things in the main and second colour), `face` and `front` (flat ones), `wood`, `oak`, `metal`, `brass`,
/// `black`, `glass`, `soil`, `pot`, `glow` and `leaf`.
pub(super) fn photograph(ink: &Ink, stand: Stand, product: &str) -> String {
    let Ink { pale, light, base, dark, deep, accent, accent_light, accent_dark, wall } = ink;
    let (wall_light, wall_dark) = (wall.lit(6.0), wall.lit(-9.0));
    let (floor_light, floor_dark, shade) = (wall.lit(3.0), wall.lit(-5.0), wall.lit(-52.0));
    let leaf = super::palette::Colour(128.0, 36.0, 38.0);
    let (leaf_light, leaf_dark) = (leaf.lit(14.0).turned(-14.0), leaf.lit(-12.0));
    let shadow = match stand {
        Stand::Floor(y, half) => {
            let (near, offset) = (half * 8 / 10, 200 + half / 7);
            format!(
                r##"<ellipse cx="{offset}" cy="{y}" rx="{half}" ry="{}" fill="{shade}" opacity=".26" filter="url(#soft)"/>
<ellipse cx="200" cy="{y}" rx="{near}" ry="7" fill="{shade}" opacity=".42" filter="url(#near)"/>"##,
                8 + half / 9
            )
        }
        Stand::Hanging => String::new(),
    };
    let floor = match stand {
        Stand::Floor(..) => r##"<path d="M0 286Q200 268 400 286V400H0Z" fill="url(#floor)"/>"##,
        Stand::Hanging => "",
    };
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="800" height="800"><defs>
<radialGradient id="wall" cx=".42" cy=".34" r=".85"><stop offset="0" stop-color="{wall_light}"/><stop offset=".55" stop-color="{wall}"/><stop offset="1" stop-color="{wall_dark}"/></radialGradient>
<linearGradient id="floor" x2="0" y2="1"><stop offset="0" stop-color="{floor_dark}" stop-opacity="0"/><stop offset=".1" stop-color="{floor_dark}"/><stop offset="1" stop-color="{floor_light}"/></linearGradient>
<linearGradient id="body"><stop offset="0" stop-color="{dark}"/><stop offset=".2" stop-color="{base}"/><stop offset=".36" stop-color="{light}"/><stop offset=".62" stop-color="{base}"/><stop offset="1" stop-color="{deep}"/></linearGradient>
<linearGradient id="trim"><stop offset="0" stop-color="{accent_dark}"/><stop offset=".35" stop-color="{accent_light}"/><stop offset=".6" stop-color="{accent}"/><stop offset="1" stop-color="{accent_dark}"/></linearGradient>
<linearGradient id="face" x2=".3" y2="1"><stop offset="0" stop-color="{light}"/><stop offset=".5" stop-color="{base}"/><stop offset="1" stop-color="{dark}"/></linearGradient>
<linearGradient id="front" x2=".3" y2="1"><stop offset="0" stop-color="{pale}"/><stop offset="1" stop-color="{light}"/></linearGradient>
<linearGradient id="wood"><stop offset="0" stop-color="#8f5f37"/><stop offset=".35" stop-color="#c4905f"/><stop offset=".65" stop-color="#ad7a4b"/><stop offset="1" stop-color="#7f5330"/></linearGradient>
<linearGradient id="oak" x2=".2" y2="1"><stop offset="0" stop-color="#e3bd8e"/><stop offset=".5" stop-color="#cf9f6b"/><stop offset="1" stop-color="#b98653"/></linearGradient>
<linearGradient id="metal"><stop offset="0" stop-color="#7d858d"/><stop offset=".22" stop-color="#c9d0d6"/><stop offset=".36" stop-color="#f6f8fa"/><stop offset=".6" stop-color="#a9b1b9"/><stop offset="1" stop-color="#656d75"/></linearGradient>
<linearGradient id="brass"><stop offset="0" stop-color="#94702a"/><stop offset=".32" stop-color="#f2dc9b"/><stop offset=".6" stop-color="#c99f47"/><stop offset="1" stop-color="#7e5d20"/></linearGradient>
<linearGradient id="black"><stop offset="0" stop-color="#17191c"/><stop offset=".34" stop-color="#545b64"/><stop offset=".6" stop-color="#2c3137"/><stop offset="1" stop-color="#101214"/></linearGradient>
<linearGradient id="glass"><stop offset="0" stop-color="#fff" stop-opacity=".62"/><stop offset=".25" stop-color="#fff" stop-opacity=".2"/><stop offset=".7" stop-color="#fff" stop-opacity=".14"/><stop offset="1" stop-color="#cfe0ea" stop-opacity=".65"/></linearGradient>
<linearGradient id="soil" x2="0" y2="1"><stop offset="0" stop-color="#4d3527"/><stop offset="1" stop-color="#2f2018"/></linearGradient>
<linearGradient id="leaf" x2=".5" y2="1"><stop offset="0" stop-color="{leaf_light}"/><stop offset=".55" stop-color="{leaf}"/><stop offset="1" stop-color="{leaf_dark}"/></linearGradient>
<radialGradient id="glow"><stop offset="0" stop-color="#fff6d8"/><stop offset=".3" stop-color="#ffe4a0" stop-opacity=".75"/><stop offset="1" stop-color="#ffd98a" stop-opacity="0"/></radialGradient>
<filter id="soft" x="-50%" y="-150%" width="200%" height="400%"><feGaussianBlur stdDeviation="11"/></filter>
<filter id="near" x="-50%" y="-150%" width="200%" height="400%"><feGaussianBlur stdDeviation="4"/></filter></defs>
<rect width="400" height="400" fill="url(#wall)"/>{floor}{shadow}
{product}</svg>"##
    )
}
