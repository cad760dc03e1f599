//! Lamps and candles. What is lit, glows.

use super::palette::Ink;

fn halo(x: u32, y: u32, radius: u32) -> String {
    format!(r##"<circle cx="{x}" cy="{y}" r="{radius}" fill="url(#glow)" opacity=".85"/>"##)
}

pub(super) fn desk_lamp(ink: &Ink, variant: u32) -> String {
    let Ink { base, pale, deep, .. } = ink;
    let metal = if variant.is_multiple_of(2) { "brass" } else { "black" };
    format!(
        r##"{}<path d="M128 330H256Q262 330 262 336V340H122V336Q122 330 128 330Z" fill="url(#{metal})"/><ellipse cx="192" cy="330" rx="68" ry="12" fill="url(#body)"/><ellipse cx="180" cy="327" rx="40" ry="5" fill="{pale}" opacity=".5"/>
<path d="M190 326L140 208L238 116" fill="none" stroke="#000" stroke-width="13" stroke-linejoin="round" opacity=".25" transform="translate(4 2)"/><path d="M190 326L140 208" stroke="url(#{metal})" stroke-width="11" stroke-linecap="round"/><path d="M140 208L238 116" stroke="{deep}" stroke-width="11" stroke-linecap="round"/><path d="M140 208L236 118" stroke="{base}" stroke-width="6" stroke-linecap="round"/>
<circle cx="140" cy="208" r="13" fill="url(#{metal})"/><circle cx="140" cy="208" r="5" fill="{deep}"/>
<g transform="rotate(-38 244 118)"><path d="M222 92H266Q272 92 274 100L298 166H190L214 100Q216 92 222 92Z" fill="url(#body)"/><rect x="230" y="76" width="28" height="18" rx="7" fill="url(#{metal})"/><ellipse cx="244" cy="166" rx="54" ry="12" fill="#fff1c4"/><ellipse cx="244" cy="169" rx="20" ry="9" fill="#fffdf2"/></g>"##,
        halo(284, 178, 110)
    )
}

pub(super) fn pendant(ink: &Ink, variant: u32) -> String {
    let Ink { base, pale, deep, accent, .. } = ink;
    let shade = match variant % 3 {
        0 => format!(
            r##"<path d="M176 150Q104 160 84 262H316Q296 160 224 150Z" fill="url(#body)"/><path d="M150 172Q116 194 104 250" fill="none" stroke="{pale}" stroke-width="9" stroke-linecap="round" opacity=".5"/><ellipse cx="200" cy="262" rx="116" ry="23" fill="{deep}"/><ellipse cx="200" cy="264" rx="107" ry="18" fill="#ffe9b0"/><circle cx="200" cy="266" r="24" fill="#fffbe9"/>"##
        ),
        1 => {
            let ribs: String = [-72, -46, -18, 18, 46, 72].iter().map(|dx| format!(r##"<path d="M200 152Q{} 222 200 300" fill="none" stroke="{accent}" stroke-width="3" opacity=".75"/>"##, 200 + dx * 2)).collect();
            format!(
                r##"<ellipse cx="200" cy="226" rx="112" ry="76" fill="#fff0cb"/><ellipse cx="200" cy="226" rx="112" ry="76" fill="url(#body)" opacity=".72"/>{ribs}<circle cx="200" cy="228" r="52" fill="url(#glow)"/><ellipse cx="200" cy="152" rx="26" ry="7" fill="url(#brass)"/>"##
            )
        }
        _ => format!(
            r##"<path d="M178 150L92 236L112 274H288L308 236L222 150Z" fill="url(#face)"/><path d="M200 150L160 274H112L92 236L178 150Z" fill="{pale}" opacity=".32"/><path d="M222 150L308 236L288 274H246L200 150Z" fill="{deep}" opacity=".35"/><ellipse cx="200" cy="275" rx="88" ry="13" fill="#ffe9b0"/><circle cx="200" cy="278" r="19" fill="#fffbe9"/>"##
        ),
    };
    format!(
        r##"{}<path d="M200 0V128" stroke="#2a2d31" stroke-width="5"/><path d="M184 126H216L222 152H178Z" fill="url(#brass)"/>{shade}<circle cx="200" cy="132" r="3" fill="{base}"/>"##,
        halo(200, 296, 150)
    )
}

pub(super) fn table_lamp(ink: &Ink, variant: u32) -> String {
    let Ink { accent, accent_dark, .. } = ink;
    let foot = match variant % 3 {
        0 => r##"<path d="M178 204Q178 226 152 250Q126 276 138 306Q148 336 168 342H232Q252 336 262 306Q274 276 248 250Q222 226 222 204Z" fill="url(#body)"/><path d="M160 262Q142 284 154 312" fill="none" stroke="#fff" stroke-width="9" stroke-linecap="round" opacity=".35"/>"##.to_owned(),
        1 => r##"<circle cx="200" cy="238" r="26" fill="url(#body)"/><circle cx="200" cy="286" r="37" fill="url(#body)"/><circle cx="190" cy="230" r="8" fill="#fff" opacity=".35"/><circle cx="186" cy="274" r="11" fill="#fff" opacity=".3"/><rect x="150" y="322" width="100" height="20" rx="9" fill="url(#body)"/>"##.to_owned(),
        _ => r##"<path d="M192 204H208V318H192Z" fill="url(#brass)"/><path d="M140 330Q140 318 200 318T260 330V342H140Z" fill="url(#brass)"/>"##.to_owned(),
    };
    format!(
        r##"{}{foot}<path d="M150 84H250L288 206Q200 224 112 206Z" fill="#fff2d2"/><path d="M150 84H250L288 206Q200 224 112 206Z" fill="url(#trim)" opacity=".7"/><path d="M150 84L112 206Q128 211 146 213L172 84Z" fill="#fff" opacity=".25"/><ellipse cx="200" cy="84" rx="50" ry="9" fill="{accent_dark}"/><ellipse cx="200" cy="84" rx="42" ry="6" fill="#fff3cf"/><path d="M112 206Q200 224 288 206" fill="none" stroke="{accent}" stroke-width="4"/>"##,
        halo(200, 160, 150)
    )
}

pub(super) fn floor_lamp(ink: &Ink, variant: u32) -> String {
    let Ink { base, pale, .. } = ink;
    if variant.is_multiple_of(2) {
        format!(
            r##"{}<path d="M200 140L150 356M200 140L250 356M200 140L206 344" stroke="url(#oak)" stroke-width="9" stroke-linecap="round"/><path d="M200 140L150 356M200 140L250 356" stroke="#a06c3c" stroke-width="9" stroke-linecap="round" opacity=".6"/><path d="M170 268H231" stroke="#8a5b32" stroke-width="4"/>
<path d="M150 46H250L278 146Q200 160 122 146Z" fill="#fff2d2"/><path d="M150 46H250L278 146Q200 160 122 146Z" fill="url(#body)" opacity=".82"/><path d="M158 52L134 142" stroke="{pale}" stroke-width="8" opacity=".6"/><ellipse cx="200" cy="47" rx="50" ry="8" fill="#fff0c8"/>"##,
            halo(200, 120, 140)
        )
    } else {
        format!(
            r##"{}<ellipse cx="132" cy="352" rx="56" ry="10" fill="url(#black)"/><path d="M132 350V110Q132 52 190 52Q236 52 250 88" fill="none" stroke="#1c1f23" stroke-width="8" stroke-linecap="round"/><path d="M130 346V112" stroke="#6a717a" stroke-width="2"/>
<g transform="rotate(14 258 120)"><path d="M240 82H276Q306 96 312 146H204Q210 96 240 82Z" fill="url(#body)"/><path d="M228 104Q218 118 216 138" fill="none" stroke="{pale}" stroke-width="6" stroke-linecap="round" opacity=".7"/><ellipse cx="258" cy="146" rx="54" ry="11" fill="#ffedbd"/><circle cx="258" cy="148" r="13" fill="#fffbe9"/></g><circle cx="132" cy="226" r="6" fill="{base}"/>"##,
            halo(252, 190, 120)
        )
    }
}

pub(super) fn lantern(ink: &Ink, variant: u32) -> String {
    let Ink { base, dark, deep, light, .. } = ink;
    let bars = if variant.is_multiple_of(2) {
        format!(r##"<path d="M166 158V306M234 158V306" stroke="{dark}" stroke-width="5"/>"##)
    } else {
        format!(r##"<path d="M132 182L268 286M268 182L132 286" stroke="{dark}" stroke-width="4" opacity=".85"/>"##)
    };
    format!(
        r##"{}<path d="M156 96C150 30 250 30 244 96" fill="none" stroke="{deep}" stroke-width="8"/><rect x="128" y="152" width="144" height="160" fill="#fff6dc" opacity=".55"/>
<rect x="176" y="228" width="48" height="82" rx="5" fill="#f7f0e2"/><rect x="180" y="230" width="10" height="80" fill="#fff"/><ellipse cx="200" cy="229" rx="24" ry="6" fill="#e9dcc3"/><path d="M200 228V218" stroke="#3a2d22" stroke-width="3"/><path d="M200 180C224 210 214 222 200 222S176 210 200 180Z" fill="#ffb536"/><path d="M200 198C210 212 206 219 200 219S190 212 200 198Z" fill="#fff3b8"/>{}{bars}
<path d="M128 152V312M272 152V312" stroke="{deep}" stroke-width="9"/><path d="M150 96H250L284 152H116Z" fill="url(#body)"/><path d="M158 102L130 148" stroke="{light}" stroke-width="5" opacity=".8"/><rect x="112" y="310" width="176" height="28" rx="5" fill="url(#body)"/><rect x="112" y="150" width="176" height="9" rx="3" fill="{base}"/>"##,
        halo(200, 220, 170),
        halo(200, 208, 58)
    )
}

pub(super) fn candles(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, accent_dark, .. } = ink;
    let candle = |x: i32, top: i32, half: i32, skin: &str, melt: &str| {
        format!(
            r##"<path d="M{0} {top}H{1}V316Q{x} 332 {0} 316Z" fill="url(#{skin})"/><ellipse cx="{x}" cy="{top}" rx="{half}" ry="{2}" fill="{melt}"/><path d="M{x} {top}V{3}" stroke="#3a2d22" stroke-width="3"/><path d="M{x} {4}C{5} {6} {7} {3} {x} {3}S{8} {6} {x} {4}Z" fill="#ffb536"/><circle cx="{x}" cy="{9}" r="6" fill="#fff4c2"/><circle cx="{x}" cy="{9}" r="64" fill="url(#glow)" opacity=".7"/>"##,
            x - half,
            x + half,
            half / 4,
            top - 12,
            top - 52,
            x + 20,
            top - 22,
            x + 10,
            x - 20,
            top - 24
        )
    };
    let (pale, trim) = (pale.to_string(), accent_dark.to_string());
    let heights = if variant.is_multiple_of(2) { [208, 138, 252] } else { [168, 226, 246] };
    format!(
        r##"<path d="M76 316H324Q318 334 290 334H110Q82 334 76 316Z" fill="url(#wood)"/><ellipse cx="200" cy="316" rx="124" ry="14" fill="#c8976a"/>{}{}{}<ellipse cx="200" cy="322" rx="6" ry="2" fill="{base}"/>"##,
        candle(134, heights[0], 32, "body", &pale),
        candle(206, heights[1], 28, "trim", &trim),
        candle(272, heights[2], 34, "body", &pale)
    )
}

pub(super) fn string_lights(ink: &Ink, variant: u32) -> String {
    let Ink { base, accent, light, .. } = ink;
    let mut out = String::new();
    for (row, sag) in [(70, 74), (170, 84), (262, 70)] {
        out += &format!(
            r##"<path d="M-10 {row}Q200 {} 410 {}" fill="none" stroke="#2d3136" stroke-width="4"/>"##,
            row + sag * 2,
            row + 14
        );
        for n in 0..6u32 {
            let t = (n as f32 + 0.5) / 6.0;
            let x = -10.0 + 420.0 * t;
            let y = (1.0 - t) * (1.0 - t) * row as f32
                + 2.0 * t * (1.0 - t) * (row + sag * 2) as f32
                + t * t * (row + 14) as f32;
            let bulb = if (n + variant).is_multiple_of(2) || variant.is_multiple_of(2) {
                "#ffe3a1".to_owned()
            } else {
                light.to_string()
            };
            out += &format!(
                r##"<circle cx="{x:.0}" cy="{:.0}" r="46" fill="url(#glow)" opacity=".8"/><rect x="{:.0}" y="{y:.0}" width="12" height="14" rx="3" fill="{base}"/><path d="M{:.0} {:.0}q-13 12 -13 24a15 15 0 0 0 30 0q0 -12 -13 -24z" fill="{bulb}" stroke="{accent}" stroke-opacity=".5" stroke-width="1.5"/><circle cx="{x:.0}" cy="{:.0}" r="6" fill="#fffbe6"/>"##,
                y + 34.0,
                x - 6.0,
                x - 2.0,
                y + 13.0,
                y + 36.0
            );
        }
    }
    out
}
