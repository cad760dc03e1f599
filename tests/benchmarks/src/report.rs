//! The rows of a benchmark: a table for people, JSON for programs.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// One row. Its name is the one that the table of goals has.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Such as `added-1pct`.
    pub name: &'static str,
    /// Of `ours`, `reference` and `goal`.
    pub unit: &'static str,
    /// What was measured of the library.
    pub ours: f64,
    /// What was measured of the reference.
    pub reference: f64,
    /// `ours / reference`.
    pub ratio: f64,
    /// What must not be exceeded, or be reached.
    pub goal: Option<f64>,
    /// Whether it is so.
    pub met: Option<bool>,
    /// How the goal is written: `≤`, or `≥` where more is better.
    #[serde(skip)]
    pub sign: &'static str,
    /// What stands in the table behind the numbers.
    #[serde(skip)]
    pub note: String,
}

impl Row {
    /// A row without a goal.
    pub fn new(name: &'static str, unit: &'static str, ours: f64, reference: f64) -> Self {
        Self {
            name,
            unit,
            ours,
            reference,
            ratio: ours / reference,
            goal: None,
            met: None,
            sign: "≤",
            note: String::new(),
        }
    }

    /// Sets a ratio that is not that of the two medians, such as the median of the ratios of all rounds.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Sets the goal, which is met when `judged` reaches it.
    pub fn at_least(mut self, goal: f64, judged: f64) -> Self {
        self.goal = Some(goal);
        self.met = Some(judged >= goal);
        self.sign = "≥";
        self
    }

    /// Sets the goal, which is met when `judged` does not exceed it.
    pub fn at_most(mut self, goal: f64, judged: f64) -> Self {
        self.goal = Some(goal);
        self.met = Some(judged <= goal);
        self
    }

    /// Explains the numbers.
    pub fn note(mut self, note: String) -> Self {
        self.note = note;
        self
    }
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    let header = ["row", "unit", "ours", "reference", "ratio", "goal", "met", ""].map(str::to_owned);
    let mut lines = vec![header];
    lines.extend(rows.iter().map(cells));
    let widths: Vec<usize> = (0..header_width(&lines)).map(|column| width(&lines, column)).collect();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}

fn header_width(lines: &[[String; 8]]) -> usize {
    lines.first().map_or(0, |line| line.len())
}

fn width(lines: &[[String; 8]], column: usize) -> usize {
    lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
}

fn cells(row: &Row) -> [String; 8] {
    [
        row.name.to_owned(),
        row.unit.to_owned(),
        number(row.ours),
        number(row.reference),
        format!("{:.2}", row.ratio),
        row.goal.map(|goal| format!("{} {goal}", row.sign)).unwrap_or_else(|| "–".to_owned()),
        row.met.map_or("–", |met| if met { "yes" } else { "NO" }).to_owned(),
        row.note.clone(),
    ]
}

/// A number as the table shows it.
pub fn number(value: f64) -> String {
    if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Writes the rows as an array of objects.
pub fn write_json(rows: &[Row], file: &Path) -> Result<(), String> {
    let text = serde_json::to_string_pretty(rows).map_err(|error| error.to_string())?;
    fs::write(file, text + "\n").map_err(|error| format!("cannot write {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_fields_that_programs_read() {
        let row = Row::new("added-1pct", "µs", 3.0, 12.0).at_most(2.0, 3.5).note("for people".to_owned());
        let json = serde_json::to_value(&row).expect("JSON");
        let expected = serde_json::json!({
            "name": "added-1pct", "unit": "µs", "ours": 3.0, "reference": 12.0, "ratio": 0.25, "goal": 2.0, "met": false
        });
        assert_eq!(json, expected);
        let without = serde_json::to_value(Row::new("x", "s", 1.0, 1.0)).expect("JSON");
        assert!(without["goal"].is_null() && without["met"].is_null());
    }
}
