//! Things to listen with.

use super::palette::Ink;

pub(super) fn headphones(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, dark, deep, .. } = ink;
    let band = if variant.is_multiple_of(2) { "black" } else { "brass" };
    format!(
        r##"<path d="M100 240C84 60 316 60 300 240" fill="none" stroke="{deep}" stroke-width="24" stroke-linecap="round"/><path d="M104 216C98 78 302 78 296 216" fill="none" stroke="{base}" stroke-width="14"/><path d="M122 150C140 104 176 96 214 96" fill="none" stroke="{pale}" stroke-width="5" stroke-linecap="round" opacity=".7"/>
<path d="M96 196L92 232M304 196L308 232" stroke="url(#{band})" stroke-width="13" stroke-linecap="round"/>
<g transform="rotate(6 104 280)"><rect x="70" y="214" width="58" height="128" rx="28" fill="url(#body)"/><rect x="118" y="222" width="34" height="112" rx="17" fill="#2a2d31"/><rect x="124" y="232" width="9" height="92" rx="4" fill="#5c636b"/><ellipse cx="88" cy="278" rx="10" ry="32" fill="{dark}" opacity=".7"/><rect x="78" y="228" width="8" height="44" rx="4" fill="#fff" opacity=".35"/></g>
<g transform="rotate(-6 296 280)"><rect x="272" y="214" width="58" height="128" rx="28" fill="url(#body)"/><rect x="248" y="222" width="34" height="112" rx="17" fill="#1f2225"/><rect x="254" y="232" width="9" height="92" rx="4" fill="#454b52"/><ellipse cx="312" cy="278" rx="10" ry="32" fill="{deep}" opacity=".6"/></g>"##
    )
}

fn cone(x: u32, y: u32, r: u32, centre: &str) -> String {
    format!(
        r##"<circle cx="{x}" cy="{y}" r="{r}" fill="#101214"/><circle cx="{x}" cy="{y}" r="{0}" fill="#2d3237"/><circle cx="{x}" cy="{y}" r="{1}" fill="#1a1d20"/><circle cx="{x}" cy="{y}" r="{2}" fill="{centre}"/><path d="M{3} {4}A{0} {0} 0 0 1 {5} {6}" fill="none" stroke="#fff" stroke-width="3" opacity=".35"/>"##,
        r - 5,
        r - 13,
        r / 3,
        x - r * 7 / 10,
        y - r * 6 / 10,
        x + r / 10,
        y - r * 9 / 10
    )
}

pub(super) fn speaker(ink: &Ink, variant: u32) -> String {
    let Ink { base, light, accent, dark, .. } = ink;
    let (copper, base_text) = (accent.to_string(), base.to_string());
    if variant.is_multiple_of(2) {
        format!(
            r##"<path d="M274 72L300 84V330L274 344Z" fill="#5f3d22"/><rect x="124" y="72" width="152" height="272" rx="9" fill="url(#wood)"/><rect x="134" y="82" width="132" height="252" rx="6" fill="url(#face)"/>{}{}<circle cx="150" cy="322" r="3.5" fill="{light}"/><rect x="184" y="316" width="32" height="6" rx="3" fill="{dark}"/>"##,
            cone(200, 136, 34, &copper),
            cone(200, 244, 58, &copper)
        )
    } else {
        let dots: String = (0..14)
            .flat_map(|row| (0..9).map(move |column| (140 + column * 15, 128 + row * 14)))
            .map(|(x, y)| format!(r##"<circle cx="{x}" cy="{y}" r="3.3" fill="{dark}"/>"##))
            .collect();
        format!(
            r##"<path d="M122 112Q122 84 200 84T278 112V324Q278 346 200 346T122 324Z" fill="url(#body)"/>{dots}<ellipse cx="200" cy="104" rx="78" ry="21" fill="url(#black)"/><ellipse cx="200" cy="103" rx="62" ry="15" fill="none" stroke="{accent}" stroke-width="3"/><path d="M188 103H212M200 96V110" stroke="{light}" stroke-width="4" stroke-linecap="round"/><path d="M248 84C292 86 296 140 280 160" fill="none" stroke="{copper}" stroke-width="9" stroke-linecap="round"/><circle cx="200" cy="330" r="4" fill="{base_text}"/>"##
        )
    }
}

pub(super) fn turntable(ink: &Ink, variant: u32) -> String {
    let Ink { base, light, deep, accent, .. } = ink;
    let (top, side) =
        if variant.is_multiple_of(2) { ("oak", "#8a5b34".to_owned()) } else { ("face", deep.to_string()) };
    let grooves: String = (0..6)
        .map(|n| {
            format!(
                r##"<ellipse cx="176" cy="214" rx="{}" ry="{}" fill="none" stroke="#4b525a" stroke-width="1.2"/>"##,
                104 - n * 11,
                54 - n * 6
            )
        })
        .collect();
    format!(
        r##"<path d="M28 212L82 142H318L372 212L356 276H44Z" fill="{side}"/><path d="M28 214L84 138H316L372 214Q372 262 200 262T28 214Z" fill="url(#{top})"/><path d="M28 214V276Q28 286 40 286H360Q372 286 372 276V214Q360 264 200 264T28 214Z" fill="{side}"/><path d="M30 228H370V262Q200 286 30 262Z" fill="url(#{top})"/><path d="M28 268H372V278Q372 288 360 288H40Q28 288 28 278Z" fill="#000" opacity=".25"/>
<ellipse cx="176" cy="210" rx="118" ry="60" fill="url(#metal)"/><ellipse cx="176" cy="207" rx="112" ry="57" fill="#14161a"/><g transform="translate(0 -7)">{grooves}</g><path d="M92 176Q132 156 176 152L176 206Z" fill="#fff" opacity=".10"/><ellipse cx="176" cy="207" rx="38" ry="19" fill="{base}"/><ellipse cx="176" cy="207" rx="24" ry="12" fill="{accent}"/><ellipse cx="176" cy="206" rx="4" ry="3" fill="#e8ecef"/>
<ellipse cx="320" cy="176" rx="19" ry="11" fill="url(#metal)"/><path d="M320 172L306 232L250 226" fill="none" stroke="#dfe4e8" stroke-width="6" stroke-linejoin="round" stroke-linecap="round"/><path d="M252 218L228 224L231 236L255 232Z" fill="#23272b"/><circle cx="66" cy="250" r="9" fill="url(#brass)"/><circle cx="334" cy="252" r="7" fill="{light}"/><path d="M62 288H96V306Q96 312 88 312H70Q62 312 62 306ZM304 288H338V306Q338 312 330 312H312Q304 312 304 306Z" fill="#1d2023"/>"##
    )
}

pub(super) fn radio(ink: &Ink, variant: u32) -> String {
    let Ink { light, dark, deep, accent, accent_dark, .. } = ink;
    let grille: String = (0..9).map(|n| format!(r##"<path d="M84 {0}H204" stroke="{accent_dark}" stroke-width="5" stroke-linecap="round" opacity=".75"/>"##, 180 + n * 13)).collect();
    let aerial = if variant.is_multiple_of(2) {
        r##"<path d="M298 140L352 40" stroke="url(#metal)" stroke-width="5"/><circle cx="353" cy="38" r="6" fill="#c9d0d6"/>"##
    } else {
        r##"<path d="M118 142C118 84 282 84 282 142" fill="none" stroke="#7b4b2b" stroke-width="15"/><path d="M122 140C126 94 250 88 272 118" fill="none" stroke="#b57d51" stroke-width="4"/>"##
    };
    format!(
        r##"{aerial}<rect x="56" y="138" width="288" height="176" rx="30" fill="url(#face)"/><path d="M56 270H344V284Q344 314 314 314H86Q56 314 56 284Z" fill="{deep}" opacity=".3"/><path d="M82 148H300" stroke="{light}" stroke-width="5" stroke-linecap="round" opacity=".8"/>
<rect x="72" y="164" width="146" height="134" rx="18" fill="{accent}"/>{grille}<rect x="234" y="164" width="94" height="50" rx="10" fill="#fff3d4"/><path d="M242 196H320M246 184V196M260 188V196M274 184V196M288 188V196M302 184V196M316 188V196" stroke="#6b5a3c" stroke-width="2"/><path d="M282 170V208" stroke="#d2452f" stroke-width="3"/>
<circle cx="260" cy="258" r="27" fill="{dark}"/><circle cx="258" cy="255" r="23" fill="url(#brass)"/><path d="M258 255L270 240" stroke="#5f4414" stroke-width="4" stroke-linecap="round"/><circle cx="314" cy="264" r="15" fill="{dark}"/><circle cx="313" cy="262" r="12" fill="url(#brass)"/><rect x="92" y="312" width="34" height="8" rx="3" fill="#22262a"/><rect x="274" y="312" width="34" height="8" rx="3" fill="#22262a"/>"##
    )
}

pub(super) fn microphone(ink: &Ink, variant: u32) -> String {
    let Ink { base, light, deep, accent, .. } = ink;
    let mesh: String = (0..8).map(|n| format!(r##"<path d="M150 {0}H250" stroke="#3c434b" stroke-width="2"/><path d="M{1} 66V190" stroke="#3c434b" stroke-width="2"/>"##, 76 + n * 15, 156 + n * 13)).collect();
    let skin = if variant.is_multiple_of(2) { "metal" } else { "brass" };
    format!(
        r##"<ellipse cx="200" cy="346" rx="76" ry="14" fill="url(#black)"/><ellipse cx="188" cy="342" rx="48" ry="6" fill="#646c75" opacity=".6"/><path d="M195 262H205V344H195Z" fill="url(#metal)"/><path d="M118 150V196C118 290 282 290 282 196V150" fill="none" stroke="url(#black)" stroke-width="11" stroke-linecap="round"/><path d="M116 160V196C118 250 150 266 184 270" fill="none" stroke="#6c747d" stroke-width="2.5"/>
<clipPath id="head"><rect x="148" y="62" width="104" height="180" rx="52"/></clipPath><rect x="148" y="62" width="104" height="180" rx="52" fill="url(#{skin})"/><g clip-path="url(#head)">{mesh}<rect x="148" y="182" width="104" height="62" fill="url(#body)"/><rect x="148" y="176" width="104" height="11" fill="{deep}"/><rect x="164" y="64" width="12" height="176" fill="#fff" opacity=".25"/></g><circle cx="200" cy="212" r="9" fill="{accent}"/><circle cx="118" cy="166" r="9" fill="{base}"/><circle cx="282" cy="166" r="9" fill="{base}"/><circle cx="197" cy="209" r="3" fill="{light}"/>"##
    )
}

pub(super) fn earbuds(ink: &Ink, variant: u32) -> String {
    let Ink { base, pale, light, dark, deep, accent, .. } = ink;
    let bud = |x: i32, flip: i32| {
        format!(
            r##"<g transform="translate({x} 128) scale({flip} 1) rotate(-8)"><path d="M-8 0L-14 66Q-14 76 -4 76T6 68L12 6Z" fill="url(#body)"/><circle cx="4" cy="-8" r="31" fill="url(#body)"/><ellipse cx="26" cy="-12" rx="13" ry="18" fill="#2b2f34" transform="rotate(-14 26 -12)"/><ellipse cx="-7" cy="-18" rx="9" ry="12" fill="#fff" opacity=".4"/><circle cx="2" cy="-2" r="6" fill="{accent}"/></g>"##
        )
    };
    let lid = if variant.is_multiple_of(2) { base } else { light };
    format!(
        r##"<path d="M110 222C104 168 296 168 290 222Z" fill="{dark}"/><path d="M120 218C118 180 282 180 280 218Z" fill="{deep}"/><path d="M98 222H302V278Q302 322 258 322H142Q98 322 98 278Z" fill="url(#body)"/><path d="M98 222H302V232H98Z" fill="{pale}" opacity=".7"/><ellipse cx="150" cy="222" rx="28" ry="8" fill="#17191c"/><ellipse cx="250" cy="222" rx="28" ry="8" fill="#17191c"/><circle cx="200" cy="270" r="4.5" fill="#7ee08f"/><rect x="116" y="246" width="12" height="56" rx="6" fill="#fff" opacity=".3"/>{}{}<path d="M190 300H210" stroke="{lid}" stroke-width="4" stroke-linecap="round"/>"##,
        bud(146, 1),
        bud(254, -1)
    )
}
