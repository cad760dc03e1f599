//! Plants in pots. Their leaves are grown by rule, so that each variant is a plant of its own.

use super::palette::{Colour, Ink};

/// A pot of the palette's colour with its rim at `y`.
fn pot(ink: &Ink, y: i32, variant: u32) -> String {
    let Ink { deep, light, accent, .. } = ink;
    let band = match variant % 3 {
        0 => format!(r##"<path d="M{0} {1}H{2}V{3}H{0}Z" fill="#000" opacity=".10"/>"##, 142, y + 20, 258, y + 26),
        1 => format!(
            r##"<path d="M147 {0}Q200 {1} 253 {0}L250 {2}Q200 {3} 150 {2}Z" fill="{accent}"/>"##,
            y + 46,
            y + 56,
            y + 68,
            y + 78
        ),
        _ => (0..5)
            .map(|n| format!(r##"<path d="M{} {}l10 -14l10 14l-10 14z" fill="{accent}"/>"##, 148 + n * 21, y + 54))
            .collect(),
    };
    format!(
        r##"<path d="M142 {0}H258L244 346Q200 356 156 346Z" fill="url(#body)"/>{band}<path d="M134 {y}H266V{1}Q200 {2} 134 {1}Z" fill="url(#body)"/><path d="M150 {3}H166V{4}H150Z" fill="{light}" opacity=".4"/><ellipse cx="200" cy="{y}" rx="66" ry="13" fill="{deep}"/><ellipse cx="200" cy="{y}" rx="58" ry="10" fill="url(#soil)"/>"##,
        y + 16,
        y + 20,
        y + 32,
        y + 4,
        y + 22
    )
}

fn green(step: u32) -> Colour {
    Colour(104.0 + (step * 17 % 34) as f32, 34.0 + (step * 7 % 10) as f32, 31.0 + (step * 11 % 15) as f32)
}

pub(super) fn monstera(ink: &Ink, variant: u32) -> String {
    let leaf = |x: i32, y: i32, turn: i32, size: f32, step: u32| {
        let (skin, vein, edge) = (green(step), green(step).lit(17.0), green(step).lit(-9.0));
        format!(
            r##"<g transform="translate({x} {y}) rotate({turn}) scale({size})"><path d="M0 34C-30 42 -66 20 -66 -14L-40 -10L-62 -32C-56 -50 -46 -60 -34 -66L-22 -44L-20 -74C-8 -80 0 -82 2 -84C8 -80 16 -76 24 -70L20 -44L40 -62C52 -54 58 -44 62 -30L38 -12L66 -10C66 22 32 42 0 34Z" fill="{skin}"/><path d="M0 34C32 42 66 22 66 -10L38 -12L62 -30C58 -44 52 -54 40 -62L20 -44L24 -70C16 -76 8 -80 2 -84Z" fill="{edge}" opacity=".55"/><path d="M0 36Q-2 -20 2 -80M0 10Q-26 4 -52 2M0 -14Q-24 -22 -46 -36M0 10Q26 4 52 2M0 -14Q24 -22 46 -38" fill="none" stroke="{vein}" stroke-width="2.6"/><ellipse cx="-18" cy="-8" rx="4" ry="7" fill="{edge}"/><ellipse cx="19" cy="-6" rx="4" ry="7" fill="{edge}"/></g>"##
        )
    };
    let leaves: [(i32, i32, i32, f32, u32); 6] = [
        (122, 178, -58, 0.80, 1),
        (282, 182, 60, 0.82, 2),
        (152, 108, -26, 0.86, 3),
        (252, 104, 26, 0.88, 4),
        (196, 172, 4, 0.74, 5),
        (204, 78, 2, 0.72, 6),
    ];
    let stems: String = leaves
        .iter()
        .map(|(x, y, ..)| {
            format!(
                r##"<path d="M200 256Q{} {} {x} {y}" fill="none" stroke="#56753f" stroke-width="5"/>"##,
                (200 * 2 + x) / 3,
                (256 + y) / 2
            )
        })
        .collect();
    let blades: String =
        leaves.iter().map(|(x, y, turn, size, step)| leaf(*x, *y, *turn, *size, step + variant)).collect();
    format!("{stems}{}{blades}", pot(ink, 252, variant))
}

pub(super) fn snake_plant(ink: &Ink, variant: u32) -> String {
    let blade = |x: i32, tip: i32, height: i32, step: u32| {
        let (skin, edge, band) = (green(step), Colour(62.0, 52.0, 64.0), green(step).lit(14.0));
        let (left, right, top) = (x - 14, x + 14, 258 - height);
        let bands: String = (1..7).map(|n| format!(r##"<path d="M{} {}q9 -8 18 0q7 6 12 -2" fill="none" stroke="{band}" stroke-width="4" opacity=".8"/>"##, x - 14 + (tip - x) * n / 8, 258 - height * n / 8)).collect();
        format!(
            r##"<clipPath id="b{x}"><path d="M{left} 262Q{0} {1} {tip} {top}Q{2} {1} {right} 262Z"/></clipPath><path d="M{left} 262Q{0} {1} {tip} {top}Q{2} {1} {right} 262Z" fill="{skin}" stroke="{edge}" stroke-width="5"/><g clip-path="url(#b{x})">{bands}</g>"##,
            (left + tip) / 2 - 13,
            258 - height / 2,
            (right + tip) / 2 + 13
        )
    };
    let spread = variant as i32 % 3 * 5;
    let blades = [
        blade(166, 128 - spread, 150, 2),
        blade(236, 278 + spread, 158, 4),
        blade(182, 164, 208, 5),
        blade(222, 236, 190, 1),
        blade(202, 204 + spread, 232, 3),
        blade(212, 262, 112, 6),
        blade(188, 148, 106, 7),
    ];
    format!("{}{}", blades.concat(), pot(ink, 256, variant))
}

pub(super) fn cactus(ink: &Ink, variant: u32) -> String {
    let (skin, dark, light) = (Colour(140.0, 32.0, 40.0), Colour(144.0, 34.0, 28.0), Colour(130.0, 36.0, 56.0));
    let spines: String = (0..8)
        .flat_map(|row| (0..3).map(move |column| (180 + column * 20, 96 + row * 20)))
        .map(|(x, y)| {
            format!(r##"<path d="M{x} {y}l-4 -5M{x} {y}l4 -5M{x} {y}v-6" stroke="#f3ecd0" stroke-width="1.5"/>"##)
        })
        .collect();
    let flower = |x: i32, y: i32| {
        (0..6)
            .map(|n| {
                format!(
                    r##"<ellipse cx="{x}" cy="{}" rx="6" ry="13" fill="#ea6f8e" transform="rotate({} {x} {y})"/>"##,
                    y - 10,
                    n * 60
                )
            })
            .collect::<String>()
            + &format!(r##"<circle cx="{x}" cy="{y}" r="7" fill="#f7c948"/>"##)
    };
    if variant.is_multiple_of(2) {
        format!(
            r##"<path d="M168 198H140Q120 198 120 176V144" fill="none" stroke="{dark}" stroke-width="34" stroke-linecap="round"/><path d="M168 194H142Q124 194 124 174V146" fill="none" stroke="{skin}" stroke-width="22" stroke-linecap="round"/><path d="M232 170H262Q280 170 280 150V124" fill="none" stroke="{dark}" stroke-width="32" stroke-linecap="round"/><path d="M232 167H260Q276 167 276 148V126" fill="none" stroke="{skin}" stroke-width="21" stroke-linecap="round"/>
<path d="M160 262V110Q160 68 200 68T240 110V262Z" fill="{dark}"/><path d="M164 262V110Q164 72 196 72Q220 72 222 110V262Z" fill="{skin}"/><path d="M180 262V100M200 262V82M220 262V100" stroke="{light}" stroke-width="4" opacity=".7"/>{spines}{}{}"##,
            flower(200, 64),
            pot(ink, 256, variant)
        )
    } else {
        let ribs: String = [-64, -40, -14, 14, 40, 64].iter().map(|dx| format!(r##"<path d="M200 132Q{} 200 {} 262" fill="none" stroke="{light}" stroke-width="4" opacity=".75"/>"##, 200 + dx * 3 / 2, 200 + dx)).collect();
        let thorns: String = (0..5)
            .flat_map(|row| (0..5).map(move |column| (136 + column * 32, 158 + row * 22)))
            .map(|(x, y)| {
                format!(r##"<path d="M{x} {y}l-5 -6M{x} {y}l5 -6M{x} {y}v-8" stroke="#f6efd6" stroke-width="1.6"/>"##)
            })
            .collect();
        format!(
            r##"<path d="M112 204Q112 128 200 128T288 204Q288 268 200 268T112 204Z" fill="{dark}"/><path d="M116 202Q116 132 194 132T268 200Q268 262 194 264T116 202Z" fill="{skin}"/>{ribs}{thorns}{}{}{}"##,
            flower(178, 130),
            flower(220, 126),
            pot(ink, 256, variant)
        )
    }
}

pub(super) fn fern(ink: &Ink, variant: u32) -> String {
    let frond = |end: (f32, f32), bend: (f32, f32), step: u32| -> String {
        let (start, colour) = ((200.0f32, 254.0f32), green(step).lit(6.0));
        let at = |t: f32| {
            let u = 1.0 - t;
            (
                u * u * start.0 + 2.0 * u * t * bend.0 + t * t * end.0,
                u * u * start.1 + 2.0 * u * t * bend.1 + t * t * end.1,
            )
        };
        let leaflets: String = (2..20)
            .map(|n| {
                let t = n as f32 / 20.0;
                let ((x, y), (nx, ny)) = (at(t), at(t + 0.02));
                let along = (ny - y).atan2(nx - x).to_degrees();
                let length = 25.0 * (1.0 - t).powf(0.55) + 4.0;
                format!(r##"<path d="M0 0Q{0:.1} -7 {length:.1} 0Q{0:.1} 5 0 0Z" fill="{colour}" transform="translate({x:.1} {y:.1}) rotate({1:.0})"/><path d="M0 0Q{0:.1} -5 {length:.1} 0Q{0:.1} 7 0 0Z" fill="{2}" transform="translate({x:.1} {y:.1}) rotate({3:.0})"/>"##, length / 2.0, along - 62.0, colour.lit(-5.0), along + 62.0)
            })
            .collect();
        format!(
            r##"<path d="M200 254Q{} {} {} {}" fill="none" stroke="{}" stroke-width="3"/>{leaflets}"##,
            bend.0,
            bend.1,
            end.0,
            end.1,
            colour.lit(-9.0)
        )
    };
    let lift = (variant % 3) as f32 * 8.0;
    let fronds = [
        frond((70.0, 236.0 - lift), (112.0, 96.0), 1),
        frond((330.0, 240.0 - lift), (290.0, 96.0), 2),
        frond((88.0, 146.0 + lift), (140.0, 60.0), 3),
        frond((314.0, 142.0 + lift), (262.0, 56.0), 4),
        frond((142.0, 66.0), (176.0, 90.0), 5),
        frond((256.0, 60.0), (222.0, 90.0), 6),
        frond((196.0, 46.0), (204.0, 130.0), 7),
        frond((120.0, 286.0), (150.0, 170.0), 5),
        frond((282.0, 288.0), (252.0, 170.0), 3),
    ];
    format!("{}{}{}", fronds[..7].concat(), pot(ink, 256, variant), fronds[7..].concat())
}

pub(super) fn succulent(ink: &Ink, variant: u32) -> String {
    let Ink { light, deep, .. } = ink;
    let (hue, tip) =
        if variant.is_multiple_of(2) { (152.0, Colour(346.0, 46.0, 62.0)) } else { (98.0, Colour(30.0, 62.0, 60.0)) };
    let mut petals = String::new();
    for (ring, (count, reach, width)) in
        [(13, 104.0, 25.0), (11, 84.0, 23.0), (9, 62.0, 20.0), (7, 42.0, 16.0), (5, 25.0, 12.0)].into_iter().enumerate()
    {
        for n in 0..count {
            let turn = n as f32 * 360.0 / count as f32 + ring as f32 * 17.0;
            let skin = Colour(hue, 26.0, 40.0 + ring as f32 * 7.0 + (n % 3) as f32 * 2.0);
            petals += &format!(
                r##"<g transform="translate(200 176) scale(1 .74) rotate({turn:.0})"><path d="M0 0Q{width} -{0:.0} 0 -{reach}Q-{width} -{0:.0} 0 0Z" fill="{skin}" stroke="{1}" stroke-width="1"/><path d="M0 -{reach}q5 9 3 16h-6q-2 -7 3 -16z" fill="{tip}" opacity=".85"/></g>"##,
                reach * 0.62,
                skin.lit(-14.0)
            );
        }
    }
    format!(
        r##"<path d="M96 228H304L286 318Q282 336 262 336H138Q118 336 114 318Z" fill="url(#body)"/><path d="M112 236H132L146 326H134Z" fill="{light}" opacity=".45"/><path d="M104 268Q200 284 296 268L290 296Q200 312 110 296Z" fill="#fff" opacity=".16"/><ellipse cx="200" cy="228" rx="104" ry="24" fill="{deep}"/><ellipse cx="200" cy="228" rx="95" ry="19" fill="url(#soil)"/>{petals}"##
    )
}

pub(super) fn olive(ink: &Ink, variant: u32) -> String {
    let mut seed = 11 + variant * 7;
    let mut next = move |limit: u32| {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (seed >> 16) % limit
    };
    let leaves: String = (0..170)
        .map(|n| {
            let (turn, reach) = (next(360) as f32, (next(100) as f32 / 100.0).sqrt());
            let (x, y) = (200.0 + turn.to_radians().cos() * 92.0 * reach, 126.0 + turn.to_radians().sin() * 82.0 * reach);
            let skin = Colour(88.0 + next(30) as f32, 20.0 + next(12) as f32, 32.0 + next(26) as f32);
            let fruit = if n % 23 == 0 { format!(r##"<ellipse cx="{x:.0}" cy="{:.0}" rx="5" ry="6.5" fill="#4b3a4e"/>"##, y + 9.0) } else { String::new() };
            format!(r##"<ellipse cx="{x:.0}" cy="{y:.0}" rx="15" ry="5" fill="{skin}" transform="rotate({} {x:.0} {y:.0})"/>{fruit}"##, next(180))
        })
        .collect();
    format!(
        r##"<path d="M200 276C190 236 212 214 200 178C190 156 166 148 156 124M200 200C214 176 234 168 246 138M200 186C200 160 196 140 200 100" fill="none" stroke="#6f5840" stroke-width="11" stroke-linecap="round"/><path d="M197 274C188 236 208 214 197 180" fill="none" stroke="#a08565" stroke-width="3"/>{leaves}{}"##,
        pot(ink, 268, variant)
    )
}

pub(super) fn watering_can(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, dark, deep, .. } = ink;
    let metal = if variant.is_multiple_of(2) { "body" } else { "brass" };
    format!(
        r##"<path d="M246 160C330 130 348 250 254 286" fill="none" stroke="{deep}" stroke-width="15" stroke-linecap="round"/><path d="M248 158C322 134 338 240 256 280" fill="none" stroke="{base}" stroke-width="7" stroke-linecap="round"/>
<path d="M146 292L66 158L82 148L150 226Z" fill="{dark}"/><path d="M146 276L70 158L78 153L150 232Z" fill="{base}"/><path d="M46 158L94 128L102 142L54 172Z" fill="url(#{metal})"/><g fill="{deep}"><circle cx="58" cy="160" r="2.6"/><circle cx="68" cy="154" r="2.6"/><circle cx="78" cy="148" r="2.6"/><circle cx="88" cy="141" r="2.6"/></g>
<path d="M132 166H268V302Q268 326 244 326H156Q132 326 132 302Z" fill="url(#{metal})"/><path d="M132 196Q200 212 268 196M132 290Q200 306 268 290" fill="none" stroke="{deep}" stroke-width="3" opacity=".45"/><rect x="154" y="178" width="13" height="134" rx="6" fill="#fff" opacity=".3"/>
<path d="M132 166C136 138 200 138 214 160L268 166Z" fill="{dark}"/><ellipse cx="200" cy="166" rx="68" ry="14" fill="{deep}"/><path d="M132 166Q134 144 176 142Q212 142 222 160Q170 152 132 166Z" fill="{pale}" opacity=".85"/>"##
    )
}
