//! Things to sit on, and to put other things on.

use super::palette::Ink;

pub(super) fn chair(ink: &Ink, variant: u32) -> String {
    let Ink { light, dark, deep, .. } = ink;
    let back = match variant % 3 {
        0 => format!(r##"<path d="M128 84Q200 66 272 84L264 156Q200 142 136 156Z" fill="url(#face)"/><path d="M138 92Q200 78 262 92" fill="none" stroke="{light}" stroke-width="4" opacity=".7"/>"##),
        1 => (0..6)
            .map(|n| format!(r##"<path d="M{} 82L{} 206" stroke="url(#oak)" stroke-width="8"/><path d="M{} 82L{} 206" stroke="#a9764a" stroke-width="6"/>"##, 146 + n * 22, 150 + n * 20, 146 + n * 22, 150 + n * 20))
            .collect::<String>() + r##"<path d="M124 74Q200 56 276 74L274 96Q200 80 126 96Z" fill="url(#oak)"/>"##,
        _ => format!(r##"<path d="M130 82Q200 64 270 82L262 196Q200 184 138 196Z" fill="url(#face)"/><path d="M150 100V184M175 95V181M200 93V180M225 95V181M250 100V184M140 118Q200 104 260 118M142 142Q200 130 258 142M142 166Q200 154 256 166" fill="none" stroke="{deep}" stroke-width="2" opacity=".35"/>"##),
    };
    format!(
        r##"<path d="M148 214L138 330M252 214L262 330" stroke="#7b5230" stroke-width="10" stroke-linecap="round"/><path d="M130 80L140 222M270 80L260 222" stroke="#a9764a" stroke-width="11" stroke-linecap="round"/>{back}
<path d="M128 208Q200 194 272 208L288 240Q200 258 112 240Z" fill="url(#face)"/><path d="M112 240Q200 258 288 240L286 254Q200 272 114 254Z" fill="{dark}"/><path d="M140 212Q200 202 260 212" fill="none" stroke="{light}" stroke-width="4" opacity=".7"/>
<path d="M122 256L106 346M278 256L294 346" stroke="#c49263" stroke-width="12" stroke-linecap="round"/><path d="M119 256L103 346M275 256L291 346" stroke="#e0b98c" stroke-width="3" stroke-linecap="round"/><path d="M114 302H286" stroke="#a9764a" stroke-width="6"/>"##
    )
}

pub(super) fn armchair(ink: &Ink, variant: u32) -> String {
    let Ink { light, pale, dark, deep, accent, accent_dark, .. } = ink;
    let buttons = if variant.is_multiple_of(2) {
        [(160, 130), (200, 126), (240, 130), (180, 164), (220, 164)]
            .iter()
            .map(|(x, y)| format!(r##"<circle cx="{x}" cy="{y}" r="4.5" fill="{deep}" opacity=".6"/>"##))
            .collect()
    } else {
        format!(
            r##"<g transform="rotate(-9 200 200)"><rect x="160" y="152" width="82" height="74" rx="16" fill="{accent}"/><path d="M170 172H232M170 190H232M170 208H232" stroke="{accent_dark}" stroke-width="4" opacity=".6"/></g>"##
        )
    };
    format!(
        r##"<path d="M118 300L104 338M282 300L296 338M150 300L146 328M250 300L254 328" stroke="#8a5b34" stroke-width="12" stroke-linecap="round"/>
<path d="M116 210C100 110 118 76 200 76S300 110 284 210Z" fill="url(#face)"/><path d="M134 116Q150 90 200 88" fill="none" stroke="{pale}" stroke-width="6" stroke-linecap="round" opacity=".55"/>
<path d="M122 224Q200 208 278 224V270H122Z" fill="{light}"/><path d="M122 224Q200 208 278 224L276 242Q200 228 124 242Z" fill="{pale}" opacity=".65"/>{buttons}
<path d="M68 202Q64 176 92 174Q122 174 124 206L130 306H92Q76 306 74 288Z" fill="url(#body)"/><path d="M332 202Q336 176 308 174Q278 174 276 206L270 306H308Q324 306 326 288Z" fill="url(#body)"/><path d="M122 264Q200 252 278 264L272 306H128Z" fill="url(#face)"/><path d="M128 306H272L274 286Q200 296 126 286Z" fill="{dark}" opacity=".5"/>
<ellipse cx="94" cy="194" rx="19" ry="13" fill="{light}" opacity=".7"/><ellipse cx="306" cy="194" rx="19" ry="13" fill="{light}" opacity=".5"/>"##
    )
}

pub(super) fn stool(ink: &Ink, variant: u32) -> String {
    let Ink { light, dark, .. } = ink;
    let seat = if variant.is_multiple_of(2) { "oak" } else { "face" };
    let ring = if variant.is_multiple_of(2) { "#a9764a".to_owned() } else { dark.to_string() };
    format!(
        r##"<path d="M168 176L160 326M232 176L240 326" stroke="#7b5230" stroke-width="10" stroke-linecap="round"/><path d="M138 176L112 340M262 176L288 340" stroke="#b98456" stroke-width="14" stroke-linecap="round"/><path d="M135 178L108 338M259 178L285 338" stroke="#e0b98c" stroke-width="4" stroke-linecap="round"/>
<ellipse cx="200" cy="272" rx="74" ry="13" fill="none" stroke="#8a5b34" stroke-width="8"/><ellipse cx="200" cy="270" rx="74" ry="13" fill="none" stroke="#c49263" stroke-width="3"/>
<path d="M96 152V168Q96 196 200 196T304 168V152Z" fill="{ring}"/><ellipse cx="200" cy="152" rx="104" ry="27" fill="url(#{seat})"/><ellipse cx="186" cy="148" rx="66" ry="13" fill="{light}" opacity=".28"/><ellipse cx="200" cy="152" rx="88" ry="20" fill="none" stroke="#000" stroke-width="1.5" opacity=".14"/>"##
    )
}

pub(super) fn side_table(ink: &Ink, variant: u32) -> String {
    let Ink { base, light, deep, accent, accent_dark, .. } = ink;
    let thing = if variant.is_multiple_of(2) {
        format!(
            r##"<path d="M176 92H224L218 164H182Z" fill="url(#trim)"/><path d="M200 94C176 60 168 44 178 26M200 94C204 60 206 40 200 14M200 94C226 64 232 46 226 28" fill="none" stroke="#5d7f4e" stroke-width="5" stroke-linecap="round"/><ellipse cx="177" cy="36" rx="10" ry="17" fill="#7fa067" transform="rotate(-18 177 36)"/><ellipse cx="200" cy="28" rx="10" ry="18" fill="#6b8f58"/><ellipse cx="227" cy="38" rx="10" ry="17" fill="#8caf74" transform="rotate(18 227 38)"/><ellipse cx="200" cy="92" rx="24" ry="5" fill="{accent_dark}"/>"##
        )
    } else {
        format!(
            r##"<rect x="142" y="146" width="104" height="17" rx="3" fill="{accent}"/><rect x="150" y="128" width="92" height="18" rx="3" fill="{deep}"/><rect x="146" y="112" width="84" height="16" rx="3" fill="#efe6d6"/><path d="M150 151H160M158 133H168M154 117H164" stroke="#fff" stroke-width="3" opacity=".7"/><path d="M240 126C268 122 268 154 240 152" fill="none" stroke="{light}" stroke-width="6"/>"##
        )
    };
    format!(
        r##"{thing}<path d="M150 190L122 342M250 190L278 342M200 192V328" stroke="#b98456" stroke-width="11" stroke-linecap="round"/><path d="M147 192L119 340" stroke="#e3bd92" stroke-width="3"/><path d="M88 168V180Q88 204 200 204T312 180V168Z" fill="{deep}"/><ellipse cx="200" cy="168" rx="112" ry="26" fill="url(#face)"/><ellipse cx="184" cy="163" rx="78" ry="14" fill="{light}" opacity=".4"/><ellipse cx="200" cy="168" rx="112" ry="26" fill="none" stroke="{base}" stroke-width="2"/>{thing}"##
    )
}

pub(super) fn shelf(ink: &Ink, variant: u32) -> String {
    let Ink { base, light, dark, deep, accent, accent_dark, .. } = ink;
    let books = |x: i32, y: i32, turn: usize| -> String {
        let colours = [
            base.to_string(),
            accent.to_string(),
            deep.to_string(),
            light.to_string(),
            accent_dark.to_string(),
            "#e9dfcd".to_owned(),
        ];
        let sizes = [(13, 52), (10, 46), (16, 56), (11, 50), (14, 44), (12, 54)];
        let mut left = x;
        (0..5)
            .map(|n| {
                let ((width, height), colour) = (sizes[(n + turn) % 6], &colours[(n * 2 + turn) % 6]);
                let book = format!(r##"<rect x="{left}" y="{}" width="{width}" height="{height}" rx="1.5" fill="{colour}"/><rect x="{}" y="{}" width="{}" height="3" fill="#fff" opacity=".5"/>"##, y - height, left + 2, y - height + 9, width - 4);
                left += width + 1;
                book
            })
            .collect()
    };
    let plant = |x: i32, y: i32| {
        format!(
            r##"<path d="M{0} {1}H{2}L{3} {y}H{4}Z" fill="url(#trim)"/><path d="M{x} {1}q-22 -12 -24 -34M{x} {1}q-4 -24 2 -44M{x} {1}q18 -14 24 -32M{x} {1}q-12 -16 -12 -38M{x} {1}q10 -20 12 -38" fill="none" stroke="#5f8a4e" stroke-width="6" stroke-linecap="round"/>"##,
            x - 17,
            y - 28,
            x + 17,
            x + 12,
            x - 12
        )
    };
    let inside = if variant.is_multiple_of(2) {
        books(122, 136, 0)
            + &plant(252, 136)
            + &books(216, 208, 2)
            + &format!(
                r##"<circle cx="152" cy="184" r="24" fill="{light}"/><circle cx="145" cy="176" r="8" fill="#fff" opacity=".4"/>"##
            )
            + &books(122, 280, 4)
            + &format!(
                r##"<rect x="206" y="234" width="66" height="46" rx="4" fill="{accent}"/><path d="M206 248H272" stroke="{accent_dark}" stroke-width="3"/>"##
            )
    } else {
        plant(150, 136)
            + &books(200, 136, 1)
            + &books(122, 208, 3)
            + &format!(
                r##"<rect x="214" y="164" width="58" height="44" fill="#f6efe2"/><rect x="219" y="169" width="48" height="34" fill="{dark}"/><circle cx="256" cy="180" r="6" fill="{accent}"/><path d="M219 203L236 184L250 203Z" fill="{light}"/>"##
            )
            + &plant(246, 280)
            + &books(122, 280, 5)
    };
    format!(
        r##"<rect x="108" y="64" width="184" height="288" fill="#6d4728" opacity=".35"/><rect x="116" y="72" width="168" height="272" fill="#f3e9da" opacity=".55"/>{inside}
<path d="M108 64H292V76H108ZM108 136H292V147H108ZM108 208H292V219H108ZM108 280H292V291H108ZM108 336H292V347H108Z" fill="url(#oak)"/><path d="M104 58H118V354H104ZM282 58H296V354H282Z" fill="url(#wood)"/><path d="M116 147H284V153H116ZM116 219H284V225H116ZM116 291H284V297H116Z" fill="#000" opacity=".14"/>
<path d="M122 300H278V336H122Z" fill="url(#face)"/><path d="M200 300V336" stroke="{deep}" stroke-width="2"/><circle cx="188" cy="318" r="4" fill="url(#brass)"/><circle cx="212" cy="318" r="4" fill="url(#brass)"/>"##
    )
}

pub(super) fn sofa(ink: &Ink, variant: u32) -> String {
    let Ink { light, pale, dark, accent, accent_dark, accent_light, .. } = ink;
    let cushions = match variant % 2 {
        0 => format!(
            r##"<g transform="rotate(-8 116 196)"><rect x="84" y="164" width="66" height="60" rx="14" fill="{accent}"/><path d="M94 180H140M94 194H140M94 208H140" stroke="{accent_dark}" stroke-width="3" opacity=".55"/></g><g transform="rotate(9 288 196)"><rect x="256" y="166" width="62" height="58" rx="14" fill="{accent_light}"/></g>"##
        ),
        _ => format!(
            r##"<g transform="rotate(8 282 196)"><rect x="246" y="160" width="70" height="64" rx="15" fill="{accent}"/><circle cx="281" cy="192" r="14" fill="none" stroke="{accent_dark}" stroke-width="4" opacity=".6"/></g>"##
        ),
    };
    format!(
        r##"<path d="M72 288L64 318M328 288L336 318M200 288V316" stroke="#8a5b34" stroke-width="11" stroke-linecap="round"/>
<path d="M64 216V156Q64 128 96 128H304Q336 128 336 156V216Z" fill="url(#face)"/><path d="M200 130V214" stroke="{dark}" stroke-width="2.5" opacity=".6"/><path d="M86 140H190M212 140H312" stroke="{pale}" stroke-width="5" stroke-linecap="round" opacity=".5"/>{cushions}
<path d="M66 220Q66 208 80 208H196Q200 208 200 214V252H66Z" fill="{light}"/><path d="M334 220Q334 208 320 208H204Q200 208 200 214V252H334Z" fill="{light}"/><path d="M74 214H192M208 214H326" stroke="{pale}" stroke-width="6" stroke-linecap="round" opacity=".6"/><path d="M200 212V252" stroke="{dark}" stroke-width="2.5" opacity=".6"/>
<path d="M56 248H344V284Q344 292 334 292H66Q56 292 56 284Z" fill="url(#face)"/><path d="M56 272H344V284Q344 292 334 292H66Q56 292 56 284Z" fill="{dark}" opacity=".45"/>
<path d="M30 196Q30 174 52 174T76 196V292H44Q30 292 30 278Z" fill="url(#body)"/><path d="M370 196Q370 174 348 174T324 196V292H356Q370 292 370 278Z" fill="url(#body)"/>"##
    )
}

pub(super) fn desk(ink: &Ink, variant: u32) -> String {
    let Ink { base, light, deep, accent, accent_dark, .. } = ink;
    let top = if variant.is_multiple_of(2) {
        format!(
            r##"<path d="M120 98H206V160H120Z" fill="#23272c"/><path d="M125 103H201V155H125Z" fill="{light}"/><path d="M125 155L164 122L201 148V155Z" fill="{base}"/><circle cx="184" cy="116" r="7" fill="{accent}"/><path d="M158 160H168V174H158ZM146 172H180V177H146Z" fill="#9aa2aa"/>"##
        )
    } else {
        format!(
            r##"<path d="M112 142H196L200 174H108Z" fill="#cfd5da"/><path d="M120 104H188Q194 104 194 110V142H114V110Q114 104 120 104Z" fill="#2a2e33"/><path d="M120 110H188V138H120Z" fill="{light}"/>"##
        )
    };
    format!(
        r##"{top}<path d="M262 174V128L288 98" fill="none" stroke="url(#brass)" stroke-width="5"/><path d="M280 82L314 112L288 126L272 112Z" fill="{accent}"/><path d="M280 82L314 112L306 116Z" fill="{accent_dark}"/><ellipse cx="262" cy="176" rx="22" ry="5" fill="{deep}"/><rect x="222" y="152" width="20" height="24" rx="4" fill="url(#trim)"/>
<path d="M66 200L52 332M334 200L348 332M92 200L88 318M308 200L312 318" stroke="#8a5b34" stroke-width="10" stroke-linecap="round"/><path d="M63 200L49 330M331 200L345 330" stroke="#d6ab7c" stroke-width="4" stroke-linecap="round"/>
<path d="M44 176H356L366 192H34Z" fill="url(#oak)"/><path d="M34 192H366V202H34Z" fill="#9b6b40"/><path d="M70 202H330V242H70Z" fill="url(#face)"/><path d="M200 202V242M70 202H330" stroke="{deep}" stroke-width="2" opacity=".6"/><circle cx="135" cy="222" r="5" fill="url(#brass)"/><circle cx="265" cy="222" r="5" fill="url(#brass)"/>"##
    )
}
