//! Cups, pots and what lies beside them.

use super::palette::Ink;

pub(super) fn mug(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, deep, accent, accent_dark, .. } = ink;
    let pattern = match variant % 4 {
        0 => format!(
            r##"<path d="M112 262Q196 284 280 262V288Q272 318 250 318H142Q120 318 112 288Z" fill="{accent}" opacity=".92"/><path d="M112 262Q196 284 280 262" fill="none" stroke="{accent_dark}" stroke-width="2" opacity=".35"/>"##
        ),
        1 => (0..3)
            .map(|row| {
                format!(
                    r##"<path d="M112 {0}Q196 {1} 280 {0}" fill="none" stroke="{accent}" stroke-width="9"/>"##,
                    196 + row * 34,
                    216 + row * 34
                )
            })
            .collect(),
        2 => (0..4)
            .flat_map(|row| (0..6).map(move |column| (128 + column * 28 + (row % 2) * 13, 196 + row * 26)))
            .filter(|(x, _)| *x < 274)
            .map(|(x, y): (i32, i32)| {
                format!(r##"<ellipse cx="{x}" cy="{}" rx="5.5" ry="6" fill="{accent}"/>"##, y + 9 - (x - 196).abs() / 9)
            })
            .collect(),
        _ => format!(
            r##"<path d="M112 176Q130 214 146 196T182 214T222 200T258 216T280 186V172Q196 192 112 172Z" fill="{pale}" opacity=".85"/>"##
        ),
    };
    format!(
        r##"<path d="M268 196C336 184 344 278 262 280" fill="none" stroke="{deep}" stroke-width="24" stroke-linecap="round"/>
<path d="M270 194C330 184 336 270 266 276" fill="none" stroke="{base}" stroke-width="18" stroke-linecap="round"/>
<clipPath id="cup"><path d="M112 152H280V280Q280 318 250 318H142Q112 318 112 280Z"/></clipPath>
<path d="M112 152H280V280Q280 318 250 318H142Q112 318 112 280Z" fill="url(#body)"/>
<g clip-path="url(#cup)">{pattern}<rect x="112" y="150" width="22" height="170" fill="#000" opacity=".10"/><rect x="248" y="150" width="34" height="170" fill="#000" opacity=".12"/><rect x="152" y="150" width="13" height="170" fill="#fff" opacity=".22"/></g>
<ellipse cx="196" cy="152" rx="84" ry="21" fill="{pale}"/><ellipse cx="196" cy="154" rx="75" ry="16" fill="{deep}"/>
<ellipse cx="196" cy="158" rx="69" ry="11" fill="#5a3722"/><ellipse cx="184" cy="157" rx="42" ry="5" fill="#8a5a38" opacity=".8"/>
<path d="M166 122C152 100 182 92 170 66M206 118C192 98 222 86 210 58" fill="none" stroke="#fff" stroke-width="7" stroke-linecap="round" opacity=".55" filter="url(#near)"/>"##
    )
}

pub(super) fn teapot(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, dark, deep, accent, accent_dark, .. } = ink;
    let band = match variant % 3 {
        0 => String::new(),
        1 => format!(r##"<path d="M92 236Q200 272 308 236V262Q200 298 92 262Z" fill="{accent}"/>"##),
        _ => (0..7)
            .map(|n| format!(r##"<path d="M{0} 176Q{1} 250 {0} 320" fill="none" stroke="{dark}" stroke-width="3" opacity=".5"/>"##, 116 + n * 28, 116 + n * 28 + (n - 3) * 10))
            .collect(),
    };
    format!(
        r##"<path d="M128 172C120 86 280 86 272 172" fill="none" stroke="url(#wood)" stroke-width="13" stroke-linecap="round"/>
<path d="M290 222C322 214 322 176 346 160L366 172C348 196 352 252 296 276Z" fill="{dark}"/><path d="M290 220C318 212 320 176 346 160L356 166C338 190 338 240 294 258Z" fill="{base}"/>
<clipPath id="pot"><path d="M92 244C92 188 140 166 200 166S308 188 308 244C308 296 262 318 200 318S92 296 92 244Z"/></clipPath>
<path d="M92 244C92 188 140 166 200 166S308 188 308 244C308 296 262 318 200 318S92 296 92 244Z" fill="url(#body)"/>
<g clip-path="url(#pot)">{band}<ellipse cx="152" cy="214" rx="26" ry="34" fill="#fff" opacity=".22" transform="rotate(24 152 214)"/><path d="M92 290Q200 330 308 286V330H92Z" fill="{deep}" opacity=".3"/></g>
<ellipse cx="200" cy="172" rx="52" ry="13" fill="{deep}"/><path d="M148 170C152 142 248 142 252 170Q200 186 148 170Z" fill="url(#body)"/><path d="M160 160Q176 148 206 150" fill="none" stroke="{pale}" stroke-width="4" stroke-linecap="round" opacity=".7"/>
<circle cx="200" cy="142" r="12" fill="{accent_dark}"/><circle cx="197" cy="139" r="8" fill="{accent}"/>"##
    )
}

pub(super) fn kettle(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, dark, deep, .. } = ink;
    let (skin, spout) = if variant % 2 == 1 { ("metal", "#9aa2aa".to_owned()) } else { ("body", base.to_string()) };
    format!(
        r##"<path d="M282 270C330 262 316 182 356 158" fill="none" stroke="{dark}" stroke-width="17" stroke-linecap="round"/><path d="M282 268C324 258 312 180 352 157" fill="none" stroke="{spout}" stroke-width="11" stroke-linecap="round"/>
<path d="M132 196C60 150 66 92 132 100L150 108" fill="none" stroke="#1d2024" stroke-width="17" stroke-linecap="round" stroke-linejoin="round"/><path d="M126 186C74 148 76 106 128 107" fill="none" stroke="#565d66" stroke-width="4" stroke-linecap="round"/>
<path d="M140 150H260L294 296Q298 322 274 322H126Q102 322 106 296Z" fill="url(#{skin})"/>
<path d="M112 270Q200 288 288 270L294 296Q298 322 274 322H126Q102 322 106 296Z" fill="{deep}" opacity=".25"/>
<path d="M158 164L136 300" stroke="#fff" stroke-width="9" stroke-linecap="round" opacity=".3"/>
<ellipse cx="200" cy="150" rx="60" ry="13" fill="{deep}"/><path d="M140 148C144 122 256 122 260 148Q200 164 140 148Z" fill="url(#{skin})"/><path d="M156 140Q172 130 200 130" fill="none" stroke="{pale}" stroke-width="3.5" stroke-linecap="round" opacity=".7"/>
<path d="M186 128V112Q186 104 200 104T214 112V128Z" fill="url(#wood)"/><ellipse cx="200" cy="108" rx="17" ry="7" fill="#c79467"/>"##
    )
}

pub(super) fn moka(ink: &Ink, variant: u32) -> String {
    let Ink { base, .. } = ink;
    let top = if variant.is_multiple_of(2) { "metal" } else { "body" };
    format!(
        r##"<path d="M262 150H312Q322 150 320 162L306 246" fill="none" stroke="#15171a" stroke-width="17" stroke-linejoin="round" stroke-linecap="round"/><path d="M276 147H308" stroke="#565d66" stroke-width="4" stroke-linecap="round"/>
<path d="M142 228H258L282 326Q282 334 270 334H130Q118 334 118 326Z" fill="url(#metal)"/><path d="M176 230L164 333M224 230L236 333" stroke="#5c646c" stroke-width="2" opacity=".7"/>
<path d="M132 208H268V232H132Z" fill="url(#metal)"/><path d="M132 220H268" stroke="#59616a" stroke-width="2"/><circle cx="158" cy="290" r="7" fill="#b98d3a"/><circle cx="158" cy="290" r="3" fill="#6b4e18"/>
<path d="M118 128H282L258 210H142Z" fill="url(#{top})"/><path d="M118 128L88 122L132 168Z" fill="#8a929a"/><path d="M118 128L94 123L128 156Z" fill="#c4cbd1"/>
<path d="M172 128L180 209M228 128L220 209" stroke="#000" stroke-width="2" opacity=".25"/>
<path d="M118 128L200 98L282 128Q200 140 118 128Z" fill="url(#{top})"/><path d="M118 128L200 98L200 134Q150 133 118 128Z" fill="#fff" opacity=".2"/>
<rect x="188" y="76" width="24" height="26" rx="8" fill="{base}"/><rect x="192" y="79" width="6" height="19" rx="3" fill="#fff" opacity=".35"/>"##
    )
}

pub(super) fn pan(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, deep, .. } = ink;
    let lid = if variant % 2 == 1 {
        format!(
            r##"<path d="M72 190C80 128 320 128 328 190Q200 218 72 190Z" fill="url(#body)"/><path d="M104 176Q130 148 196 146" fill="none" stroke="{pale}" stroke-width="6" stroke-linecap="round" opacity=".6"/><rect x="178" y="122" width="44" height="24" rx="9" fill="url(#brass)"/>"##
        )
    } else {
        format!(
            r##"<ellipse cx="200" cy="190" rx="130" ry="31" fill="{pale}"/><ellipse cx="200" cy="193" rx="119" ry="25" fill="#2b2724"/><ellipse cx="184" cy="198" rx="84" ry="14" fill="#4a4540" opacity=".7"/>"##
        )
    };
    format!(
        r##"<path d="M64 208Q34 204 34 222T66 238" fill="none" stroke="{deep}" stroke-width="14" stroke-linecap="round"/><path d="M336 208Q366 204 366 222T334 238" fill="none" stroke="{deep}" stroke-width="14" stroke-linecap="round"/>
<path d="M70 190H330V258Q330 290 296 290H104Q70 290 70 258Z" fill="url(#body)"/><path d="M70 252Q200 276 330 252V258Q330 290 296 290H104Q70 290 70 258Z" fill="{deep}" opacity=".35"/>
<rect x="112" y="204" width="15" height="74" rx="7" fill="#fff" opacity=".24"/><path d="M70 196Q200 226 330 196" fill="none" stroke="{base}" stroke-width="3"/>{lid}"##
    )
}

pub(super) fn board(ink: &Ink, variant: u32) -> String {
    let Ink { base, light, .. } = ink;
    let beside = if variant.is_multiple_of(2) {
        r##"<g transform="rotate(9 300 220)"><path d="M286 84Q316 120 314 236H286Z" fill="url(#metal)"/><path d="M288 92Q291 170 288 234" stroke="#fff" stroke-width="2" opacity=".8"/><rect x="283" y="234" width="33" height="14" rx="3" fill="#3a3f45"/><path d="M285 246H315L311 336Q300 346 289 336Z" fill="url(#black)"/><circle cx="300" cy="266" r="3.5" fill="#c3c9cf"/><circle cx="300" cy="300" r="3.5" fill="#c3c9cf"/></g>"##.to_owned()
    } else {
        r##"<circle cx="296" cy="312" r="28" fill="#c8402f"/><circle cx="288" cy="302" r="9" fill="#fff" opacity=".35"/><path d="M284 288L296 294L308 287L300 297L304 306L295 299L285 304L290 296Z" fill="#4d7a3a"/><circle cx="336" cy="322" r="19" fill="#dd5a3c"/><path d="M330 306L337 311L344 305" stroke="#4d7a3a" stroke-width="4" fill="none"/>"##
            .to_owned()
    };
    let grain: String = (0..7)
        .map(|n| format!(r##"<path d="M{0} 150Q{1} 220 {0} 336" fill="none" stroke="#8c5c33" stroke-width="1.6" opacity=".35"/>"##, 96 + n * 24, 90 + n * 25))
        .collect();
    format!(
        r##"<path d="M146 66Q146 52 162 52H184Q200 52 200 66V112Q200 128 222 132Q252 136 252 160V322Q252 342 232 342H114Q94 342 94 322V160Q94 136 124 132Q146 128 146 112Z" fill="#8b5d35" transform="translate(7 2)"/>
<path d="M146 66Q146 52 162 52H184Q200 52 200 66V112Q200 128 222 132Q252 136 252 160V322Q252 342 232 342H114Q94 342 94 322V160Q94 136 124 132Q146 128 146 112Z" fill="url(#oak)"/>{grain}
<circle cx="173" cy="76" r="10" fill="#7d5330"/><path d="M173 76Q196 92 190 118" stroke="{light}" stroke-width="5" fill="none" stroke-linecap="round"/><path d="M94 296H252V322Q252 342 232 342H114Q94 342 94 322Z" fill="{base}" opacity=".92"/>{beside}"##
    )
}

pub(super) fn carafe(ink: &Ink, variant: u32) -> String {
    let Ink { base, dark, light, .. } = ink;
    let level = 232 + (variant % 3) * 16;
    format!(
        r##"<clipPath id="inside"><path d="M168 72H232L226 150Q226 176 252 208Q276 240 276 276Q276 330 200 330T124 276Q124 240 148 208Q174 176 174 150Z"/></clipPath>
<g clip-path="url(#inside)"><rect x="110" y="{level}" width="190" height="120" fill="#6b3b20"/><rect x="110" y="{level}" width="60" height="120" fill="#8d5531" opacity=".8"/><ellipse cx="200" cy="{level}" rx="74" ry="10" fill="#9c6239"/></g>
<path d="M168 72H232L226 150Q226 176 252 208Q276 240 276 276Q276 330 200 330T124 276Q124 240 148 208Q174 176 174 150Z" fill="url(#glass)" stroke="#fff" stroke-opacity=".75" stroke-width="3"/>
<path d="M150 232Q138 254 140 284" fill="none" stroke="#fff" stroke-width="8" stroke-linecap="round" opacity=".6"/><path d="M160 66L200 72L240 66L246 60L154 60Z" fill="#fff" opacity=".65"/><ellipse cx="200" cy="63" rx="46" ry="8" fill="none" stroke="#fff" stroke-width="3" opacity=".85"/>
<path d="M168 128H232L229 168H171Z" fill="url(#wood)"/><path d="M168 148H232" stroke="{dark}" stroke-width="7"/><path d="M168 145H232" stroke="{light}" stroke-width="2"/><circle cx="200" cy="150" r="9" fill="{base}"/><path d="M196 158L188 178M204 158L210 180" stroke="{base}" stroke-width="4" stroke-linecap="round"/>"##
    )
}

pub(super) fn bowls(ink: &Ink, variant: u32) -> String {
    let Ink { base, pale, deep, accent, accent_light, accent_dark, .. } = ink;
    let bowl = |x: i32, y: i32, rim: i32, skin: &str, edge: &str, inner: &str| {
        let (left, right, foot) = (x - rim, x + rim, y + rim * 62 / 100);
        format!(
            r##"<path d="M{left} {y}C{left} {foot} {0} {foot} {0} {foot}H{1}C{1} {foot} {right} {foot} {right} {y}Z" fill="url(#{skin})"/><ellipse cx="{x}" cy="{y}" rx="{rim}" ry="{2}" fill="{edge}"/><ellipse cx="{x}" cy="{3}" rx="{4}" ry="{5}" fill="{inner}"/>"##,
            x - rim * 45 / 100,
            x + rim * 45 / 100,
            rim / 5,
            y + 2,
            rim - 7,
            rim / 5 - 4
        )
    };
    let (pale, deep, base) = (pale.to_string(), deep.to_string(), base.to_string());
    let (light, dark) = (accent_light.to_string(), accent_dark.to_string());
    if variant.is_multiple_of(2) {
        let stack = [
            bowl(200, 238, 118, "body", &pale, &deep),
            bowl(200, 196, 104, "trim", &light, &dark),
            bowl(200, 158, 90, "body", &pale, &deep),
        ];
        format!(r##"{}<rect x="146" y="304" width="108" height="9" rx="4" fill="{deep}"/>"##, stack.concat())
    } else {
        format!(
            r##"{}<path d="M118 240Q150 196 200 206T286 236Q200 258 118 240Z" fill="#7fa653"/><circle cx="170" cy="228" r="18" fill="#d2452f"/><circle cx="164" cy="222" r="5" fill="#fff" opacity=".5"/><circle cx="222" cy="222" r="21" fill="#e8b84a"/><circle cx="250" cy="234" r="14" fill="#d2452f"/><path d="M190 212C176 180 216 176 204 210Z" fill="#4d7a3a"/><path d="M82 240Q200 282 318 240" fill="none" stroke="{accent}" stroke-width="8"/><rect x="146" y="304" width="108" height="9" rx="4" fill="{base}"/>"##,
            bowl(200, 236, 124, "body", &pale, &deep)
        )
    }
}

pub(super) fn mill(_: &Ink, variant: u32) -> String {
    let (skin, cap) = if variant.is_multiple_of(2) { ("wood", "metal") } else { ("body", "brass") };
    format!(
        r##"<path d="M164 340Q152 300 168 268Q180 240 172 206Q168 186 176 176H224Q232 186 228 206Q220 240 232 268Q248 300 236 340Z" fill="url(#{skin})"/><ellipse cx="200" cy="340" rx="36" ry="6" fill="#000" opacity=".35"/>
<path d="M160 306Q200 318 240 306" fill="none" stroke="#000" stroke-width="2" opacity=".28"/><path d="M182 214Q188 246 178 274Q168 304 176 330" fill="none" stroke="#fff" stroke-width="6" opacity=".25" stroke-linecap="round"/>
<rect x="170" y="164" width="60" height="14" rx="4" fill="url(#{cap})"/>
<path d="M176 164Q156 132 176 112Q188 100 200 100T224 112Q244 132 224 164Z" fill="url(#{skin})"/><path d="M182 152Q170 132 184 118" fill="none" stroke="#fff" stroke-width="5" opacity=".35" stroke-linecap="round"/>
<circle cx="200" cy="88" r="13" fill="url(#{cap})"/><circle cx="274" cy="336" r="6" fill="#2c211b"/><circle cx="288" cy="341" r="5" fill="#3d2f26"/><circle cx="262" cy="343" r="4.5" fill="#3d2f26"/>"##
    )
}
