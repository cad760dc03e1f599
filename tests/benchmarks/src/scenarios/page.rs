//! The report: a folder with a page, and a picture for each plot.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::Told;
use crate::report::number;

const STYLE: &str = "body{font:15px/1.5 sans-serif;max-width:960px;margin:2em auto;color:#333;background:#fff}\
    table{border-collapse:collapse}td,th{text-align:left;padding:.3em .8em;border-bottom:1px solid #ddd}\
    .no{color:#b00;font-weight:bold}img{max-width:100%}";

/// Writes the report; what was there of the same names is replaced.
pub fn write(folder: &Path, told: &[Told]) -> Result<(), String> {
    let fault = |path: &Path, error: std::io::Error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(folder).map_err(|error| fault(folder, error))?;
    for plot in told.iter().flat_map(|told| &told.plots) {
        let path = folder.join(format!("{}.svg", plot.name));
        fs::write(&path, plot.svg()?).map_err(|error| fault(&path, error))?;
    }
    let path = folder.join("index.html");
    fs::write(&path, page(told)).map_err(|error| fault(&path, error))
}

fn page(told: &[Told]) -> String {
    let mut rows = String::new();
    for row in told.iter().flat_map(|told| &told.rows) {
        let goal = row.goal.map(|goal| format!("{} {goal}", row.sign)).unwrap_or_default();
        let met = match row.met {
            Some(true) => "<td>yes</td>",
            Some(false) => "<td class=\"no\">NO</td>",
            None => "<td></td>",
        };
        let (name, claim, unit) = (row.name, escaped(&row.note), escaped(row.unit));
        let (ours, without) = (number(row.ours), number(row.reference));
        let cells =
            format!("<td>{name}</td><td>{claim}</td><td>{ours} {unit}</td><td>{goal}</td>{met}<td>{without}</td>");
        let _ = writeln!(rows, "<tr>{cells}</tr>");
    }
    let mut plots = String::new();
    for (name, what, plot) in
        told.iter().flat_map(|told| told.plots.iter().map(move |plot| (told.name, told.what, plot)))
    {
        let alt = escaped(plot.title);
        let _ =
            writeln!(plots, "<h2>{name}</h2>\n<p>{}</p>\n<img src=\"{}.svg\" alt=\"{alt}\">", escaped(what), plot.name);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Scenarios</title>\n<style>{STYLE}</style>\n\
         <h1>Scenarios</h1>\n<table>\n<tr><th></th><th>claim</th><th>measured</th><th>goal</th><th>met?</th><th>without</th></tr>\n\
         {rows}</table>\n{plots}</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Row;
    use crate::scenarios::figures::Points;
    use crate::scenarios::plot::{Curve, Plot};

    #[test]
    fn the_page_shows_each_claim_and_plot() {
        let folder = tempfile::tempdir().expect("a folder");
        let plot = Plot { name: "x", curves: vec![Curve::new("a", Points::from([(0.0, 1.0)]))], ..Plot::default() };
        let row = Row::new("x", "ms", 7.0, 9.0).at_most(5.0, 7.0).note("a < b".to_owned());
        let told = Told { name: "x", what: "What it is.", rows: vec![row], plots: vec![plot] };
        write(folder.path(), &[told]).expect("a report");
        let page = fs::read_to_string(folder.path().join("index.html")).expect("a page");
        for text in ["a &lt; b", "7.00 ms", "≤ 5", "NO", "9.00", "What it is.", "x.svg"] {
            assert!(page.contains(text), "{text}\n{page}");
        }
        assert!(folder.path().join("x.svg").is_file());
    }
}
