//! Things for a weekend outside.

use super::palette::Ink;

pub(super) fn backpack(ink: &Ink, variant: u32) -> String {
    let Ink { pale, light, dark, deep, accent, accent_dark, .. } = ink;
    let flap = if variant.is_multiple_of(2) {
        format!(
            r##"<path d="M112 140Q112 92 200 92T288 140L282 206Q200 226 118 206Z" fill="{light}"/><path d="M130 132Q140 108 196 106" fill="none" stroke="{pale}" stroke-width="6" stroke-linecap="round" opacity=".7"/><path d="M118 206Q200 226 282 206" fill="none" stroke="{dark}" stroke-width="3"/><path d="M156 190V250M244 190V250" stroke="{accent_dark}" stroke-width="13"/><path d="M156 190V250M244 190V250" stroke="{accent}" stroke-width="8"/><rect x="145" y="214" width="22" height="17" rx="3" fill="url(#brass)"/><rect x="233" y="214" width="22" height="17" rx="3" fill="url(#brass)"/>"##
        )
    } else {
        format!(
            r##"<path d="M122 150Q130 108 200 106T278 150" fill="none" stroke="{deep}" stroke-width="5"/><path d="M268 140L282 166" stroke="{accent}" stroke-width="6" stroke-linecap="round"/><rect x="168" y="148" width="64" height="46" rx="8" fill="{accent}"/><path d="M180 180L194 160L204 172L210 166L222 180Z" fill="{accent_dark}"/>"##
        )
    };
    format!(
        r##"<path d="M166 96C164 54 236 54 234 96" fill="none" stroke="{deep}" stroke-width="11"/><path d="M104 180Q72 200 76 300L100 312M296 180Q328 200 324 300L300 312" fill="none" stroke="{deep}" stroke-width="17" stroke-linecap="round"/>
<path d="M108 150Q108 88 200 88T292 150L300 310Q300 344 264 344H136Q100 344 100 310Z" fill="url(#body)"/>{flap}
<path d="M128 256Q128 242 142 242H258Q272 242 272 256V312Q272 330 254 330H146Q128 330 128 312Z" fill="url(#face)" stroke="{deep}" stroke-width="2.5" stroke-opacity=".55"/><path d="M134 264H266" stroke="{deep}" stroke-width="3" opacity=".55"/><path d="M228 264V284" stroke="{accent}" stroke-width="5" stroke-linecap="round"/><path d="M100 300H126M274 300H300" stroke="{accent_dark}" stroke-width="8"/>"##
    )
}

pub(super) fn tent(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, dark, deep, accent, .. } = ink;
    let trees: String = [(56, 78), (342, 92), (318, 60)]
        .iter()
        .map(|(x, h)| {
            format!(
                r##"<path d="M{x} {0}L{1} {2}H{3}Z" fill="{4}" opacity=".28"/>"##,
                288 - h * 2,
                x - 34,
                288,
                x + 34,
                dark
            )
        })
        .collect();
    if variant.is_multiple_of(2) {
        format!(
            r##"{trees}<path d="M206 106L356 304L240 316Z" fill="{dark}"/><path d="M206 106L52 316H268Z" fill="url(#face)"/><path d="M206 106L148 316H222Z" fill="#2a2421"/><path d="M206 106L222 316L252 316Z" fill="{pale}"/><path d="M206 106L148 316L116 316Z" fill="{base}"/><path d="M206 106L212 86M52 316L28 328M356 304L384 320" stroke="{accent}" stroke-width="4" stroke-linecap="round"/><path d="M206 106L52 316" stroke="{pale}" stroke-width="4" opacity=".7"/><path d="M156 300Q186 284 216 300V316H150Z" fill="{accent}" opacity=".9"/>"##
        )
    } else {
        format!(
            r##"{trees}<path d="M38 316C44 120 344 104 364 316Z" fill="url(#face)"/><path d="M258 316C262 170 248 138 204 132C344 128 360 240 364 316Z" fill="{dark}" opacity=".65"/><path d="M96 316C100 190 178 146 204 134C246 160 258 230 256 316Z" fill="{base}"/><path d="M126 316C130 226 166 182 196 172C226 196 232 250 230 316Z" fill="#2a2421"/><path d="M196 172C226 196 232 250 230 316H212C216 250 210 206 196 172Z" fill="{pale}"/><path d="M38 316C60 160 160 128 204 132M204 132C300 132 350 220 364 316" fill="none" stroke="{accent}" stroke-width="5"/><path d="M38 316L16 326M364 316L388 326" stroke="{deep}" stroke-width="4" stroke-linecap="round"/>"##
        )
    }
}

pub(super) fn bottle(ink: &Ink, variant: u32) -> String {
    let Ink { light, deep, accent, accent_dark, .. } = ink;
    let badge = match variant % 3 {
        0 => format!(
            r##"<path d="M176 254L196 222L208 240L214 232L228 254Z" fill="{accent}"/><circle cx="216" cy="216" r="6" fill="{accent}"/>"##
        ),
        1 => format!(r##"<path d="M150 214H250V232H150ZM150 240H250V246H150Z" fill="{accent}"/>"##),
        _ => String::new(),
    };
    let cap = if variant.is_multiple_of(2) {
        format!(
            r##"<path d="M176 96C168 44 232 44 224 96" fill="none" stroke="{accent_dark}" stroke-width="11"/><rect x="166" y="88" width="68" height="36" rx="7" fill="url(#trim)"/>"##
        )
    } else {
        r##"<rect x="168" y="70" width="64" height="54" rx="9" fill="url(#wood)"/><path d="M168 84H232M168 98H232" stroke="#5f3d22" stroke-width="2" opacity=".5"/>"##.to_owned()
    };
    format!(
        r##"{cap}<rect x="172" y="120" width="56" height="18" fill="url(#metal)"/><path d="M172 136H228Q252 148 252 182V332Q252 352 232 352H168Q148 352 148 332V182Q148 148 172 136Z" fill="url(#body)"/>{badge}<path d="M148 312H252V332Q252 352 232 352H168Q148 352 148 332Z" fill="{deep}" opacity=".35"/><path d="M172 158Q164 166 164 186V320" fill="none" stroke="#fff" stroke-width="9" stroke-linecap="round" opacity=".35"/><path d="M148 300H252" stroke="{light}" stroke-width="2" opacity=".6"/>"##
    )
}

pub(super) fn duffel(ink: &Ink, variant: u32) -> String {
    let Ink { pale, light, dark, deep, accent, accent_dark, .. } = ink;
    let strap = if variant.is_multiple_of(2) {
        ("#7b4b2b".to_owned(), "#b57d51".to_owned())
    } else {
        (accent_dark.to_string(), accent.to_string())
    };
    format!(
        r##"<path d="M140 196C136 96 264 96 260 196" fill="none" stroke="{0}" stroke-width="15"/><path d="M143 190C142 104 258 104 257 190" fill="none" stroke="{1}" stroke-width="6"/>
<path d="M66 176Q78 160 104 160H296Q322 160 334 176Q362 206 352 284Q348 318 316 318H84Q52 318 48 284Q38 206 66 176Z" fill="url(#face)"/><path d="M48 268Q200 292 352 268Q350 318 316 318H84Q50 318 48 268Z" fill="{deep}" opacity=".35"/>
<ellipse cx="64" cy="240" rx="24" ry="62" fill="{dark}"/><ellipse cx="61" cy="240" rx="17" ry="50" fill="{light}" opacity=".45"/><path d="M92 174Q200 158 308 174" fill="none" stroke="{deep}" stroke-width="5"/><path d="M92 172Q200 156 308 172" fill="none" stroke="#d9dee2" stroke-width="2" stroke-dasharray="4 3"/><path d="M306 172L326 186" stroke="{1}" stroke-width="6" stroke-linecap="round"/>
<path d="M140 164V316M260 164V316" stroke="{0}" stroke-width="18"/><path d="M140 164V316M260 164V316" stroke="{1}" stroke-width="9"/><rect x="128" y="204" width="24" height="18" rx="3" fill="url(#brass)"/><rect x="248" y="204" width="24" height="18" rx="3" fill="url(#brass)"/>
<path d="M166 222H234V282Q200 292 166 282Z" fill="{light}" stroke="{deep}" stroke-width="2" stroke-opacity=".5"/><path d="M172 232H228" stroke="{pale}" stroke-width="3"/>"##,
        strap.0, strap.1
    )
}

pub(super) fn mat(ink: &Ink, variant: u32) -> String {
    let Ink { base, pale, light, dark, deep, accent, accent_dark, .. } = ink;
    let quilt: String = (0..6)
        .map(|n| format!(r##"<path d="M{0} 164V308" stroke="{dark}" stroke-width="3" opacity=".45"/>"##, 132 + n * 38))
        .collect();
    let strap = if variant.is_multiple_of(2) { accent } else { pale };
    format!(
        r##"<path d="M104 160H330Q362 166 362 236T330 312H104Z" fill="url(#face)"/><path d="M104 270Q240 284 356 270Q350 306 330 312H104Z" fill="{deep}" opacity=".35"/>{quilt}<path d="M110 172H330" stroke="{pale}" stroke-width="7" stroke-linecap="round" opacity=".4"/>
<circle cx="104" cy="236" r="76" fill="{dark}"/><circle cx="104" cy="236" r="70" fill="{light}"/><path d="M104 236m-4 0a10 10 0 0 1 20 4a22 22 0 0 1 -42 4a34 34 0 0 1 62 -24a48 48 0 0 1 -84 46a62 62 0 0 1 26 -94" fill="none" stroke="{dark}" stroke-width="7" stroke-linecap="round"/>
<path d="M190 158Q202 236 190 314M286 158Q298 236 286 314" fill="none" stroke="{accent_dark}" stroke-width="17"/><path d="M190 158Q202 236 190 314M286 158Q298 236 286 314" fill="none" stroke="{strap}" stroke-width="11"/><rect x="184" y="222" width="26" height="24" rx="4" fill="#2a2d31"/><rect x="280" y="222" width="26" height="24" rx="4" fill="#2a2d31"/><path d="M196 164C206 104 284 104 290 164" fill="none" stroke="{accent_dark}" stroke-width="11" stroke-linecap="round"/><circle cx="104" cy="236" r="4" fill="{base}"/>"##
    )
}

pub(super) fn compass(ink: &Ink, variant: u32) -> String {
    let Ink { base, deep, light, accent, .. } = ink;
    let ticks: String = (0..36)
        .map(|n| {
            let long = if n % 9 == 0 { 20 } else { 10 };
            format!(
                r##"<path d="M200 138v{long}" stroke="#4a4038" stroke-width="{}" transform="rotate({} 200 226)"/>"##,
                if n % 9 == 0 { 4 } else { 2 },
                n * 10
            )
        })
        .collect();
    let turn = 28 + variant * 41;
    format!(
        r##"<circle cx="200" cy="92" r="23" fill="none" stroke="url(#brass)" stroke-width="9"/><rect x="186" y="106" width="28" height="22" rx="6" fill="url(#brass)"/><circle cx="204" cy="230" r="113" fill="#5d4416"/><circle cx="200" cy="226" r="112" fill="url(#brass)"/><circle cx="200" cy="226" r="98" fill="{deep}"/><circle cx="200" cy="226" r="93" fill="#fbf4e3"/>{ticks}
<path d="M200 160L208 218L266 226L208 234L200 292L192 234L134 226L192 218Z" fill="{light}" opacity=".55"/><text x="200" y="186" text-anchor="middle" font-family="Georgia,serif" font-size="24" font-weight="700" fill="#3a322b">N</text>
<g transform="rotate({turn} 200 226)"><path d="M200 148L211 226H189Z" fill="#d2452f"/><path d="M200 304L211 226H189Z" fill="{base}"/></g><circle cx="200" cy="226" r="10" fill="url(#brass)"/><circle cx="200" cy="226" r="3.5" fill="{accent}"/><path d="M124 184A88 88 0 0 1 208 138" fill="none" stroke="#fff" stroke-width="10" stroke-linecap="round" opacity=".75"/>"##
    )
}

pub(super) fn campfire(ink: &Ink, variant: u32) -> String {
    let Ink { pale, base, deep, .. } = ink;
    let dots: String = (0..16)
        .map(|n| {
            format!(
                r##"<circle cx="{}" cy="{}" r="{}" fill="#fff" opacity=".55"/>"##,
                152 + n * 37 % 100,
                174 + n * 29 % 84,
                1 + n % 2
            )
        })
        .collect();
    let pot = if variant.is_multiple_of(2) {
        format!(
            r##"<path d="M132 150H268V250Q268 272 246 272H154Q132 272 132 250Z" fill="url(#body)"/>{dots}<ellipse cx="200" cy="150" rx="68" ry="14" fill="{pale}"/><ellipse cx="200" cy="152" rx="60" ry="10" fill="{deep}"/><path d="M130 160C92 92 308 92 270 160" fill="none" stroke="#3a3f45" stroke-width="6"/><rect x="170" y="100" width="60" height="13" rx="6" fill="url(#wood)"/>"##
        )
    } else {
        format!(
            r##"<path d="M126 178L108 246Q108 272 134 272H266Q292 272 292 246L274 178Z" fill="url(#body)"/>{dots}<path d="M146 180Q152 146 200 146T254 180Z" fill="url(#body)"/><circle cx="200" cy="140" r="11" fill="{base}"/><path d="M128 190C66 176 70 246 116 248" fill="none" stroke="{deep}" stroke-width="12"/><path d="M282 226C312 220 314 186 332 172" fill="none" stroke="{base}" stroke-width="15" stroke-linecap="round"/>"##
        )
    };
    format!(
        r##"<circle cx="200" cy="300" r="96" fill="url(#glow)" opacity=".9"/>{pot}<path d="M96 276H304L298 288H102Z" fill="#2c3035"/><path d="M110 286L96 330M290 286L304 330" stroke="#2c3035" stroke-width="9" stroke-linecap="round"/><path d="M158 288H242V316Q242 330 228 330H172Q158 330 158 316Z" fill="url(#metal)"/><path d="M168 288C166 270 178 270 180 282C184 264 196 264 198 282C204 262 214 266 216 282C222 268 234 272 232 288Z" fill="#4aa3f0"/><path d="M178 288C178 278 186 278 188 288ZM210 288C210 278 218 278 220 288Z" fill="#d6f0ff"/><path d="M242 306H284" stroke="#8a5b34" stroke-width="7" stroke-linecap="round"/><circle cx="286" cy="306" r="8" fill="#d2452f"/>"##
    )
}
