//! A plot of a scenario: curves over time, and what went on meanwhile as shaded stretches.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figures::Points;

const SIZE: (u32, u32) = (900, 420);
/// Above the curves: the title and the legend.
const HEAD: u32 = 56;
const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(51, 51, 51);
const SHADE: RGBColor = RGBColor(247, 231, 206);
/// For a stretch that follows another one without a gap.
const NEXT_SHADE: RGBColor = RGBColor(222, 235, 222);
/// Told apart by people who see few colours too (Okabe and Ito).
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
const LIMIT: RGBColor = RGBColor(90, 90, 90);

/// A plot.
#[derive(Debug, Clone, Default)]
pub struct Plot {
    /// The file's name, without `.svg`.
    pub name: &'static str,
    pub title: &'static str,
    /// What the vertical axis shows, with its unit.
    pub axis: &'static str,
    /// Whether each step of the vertical axis is ten times the last one.
    pub logarithmic: bool,
    /// The highest value that is shown at least.
    pub at_least: f64,
    /// When something was going on, in seconds, and what.
    pub shaded: Vec<(Range<f64>, &'static str)>,
    pub curves: Vec<Curve>,
}

/// A curve with its name in the legend.
#[derive(Debug, Clone)]
pub struct Curve {
    pub name: &'static str,
    pub points: Points,
    /// A bound rather than something measured.
    pub dashed: bool,
}

impl Curve {
    pub fn new(name: &'static str, points: Points) -> Self {
        Self { name, points, dashed: false }
    }

    /// A bound, which is drawn dashed.
    pub fn bound(name: &'static str, points: Points) -> Self {
        Self { name, points, dashed: true }
    }
}

impl Plot {
    /// The picture as SVG.
    pub fn svg(&self) -> Result<String, String> {
        let mut text = String::new();
        self.draw(&SVGBackend::with_string(&mut text, SIZE).into_drawing_area())
            .map_err(|error| format!("the plot `{}` cannot be drawn: {error}", self.name))?;
        Ok(text)
    }

    fn draw(&self, root: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn std::error::Error>> {
        root.fill(&WHITE)?;
        let (head, below) = root.split_vertically(HEAD);
        self.head(&head)?;
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let end = points().map(|point| point.0).fold(1.0, f64::max);
        let highest = points().map(|point| point.1).fold(self.at_least, f64::max);
        let mut chart = ChartBuilder::on(&below);
        chart.margin(8).margin_right(16).x_label_area_size(40).y_label_area_size(72);
        let across = 0.0..end.ceil();
        if self.logarithmic {
            let lowest = points().map(|point| point.1).filter(|value| *value > 0.0).fold(highest, f64::min);
            let decades = 10f64.powf(lowest.log10().floor())..2.0 * 10f64.powf(highest.log10().ceil());
            self.curves_on(chart.build_cartesian_2d(across, decades.clone().log_scale())?, &decades)?;
        } else {
            let up = 0.0..highest * 1.15;
            self.curves_on(chart.build_cartesian_2d(across, up.clone())?, &up)?;
        }
        root.present()?;
        Ok(())
    }

    fn head(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn std::error::Error>> {
        area.draw(&Text::new(self.title, (72, 10), (FONT, 17).into_font().color(&INK)))?;
        let mut left = 72;
        for (index, curve) in self.curves.iter().enumerate() {
            let style = style(index, curve);
            let line = vec![(left, 43), (left + 26, 43)];
            if curve.dashed {
                area.draw(&DashedPathElement::new(line, 6, 4, style))?;
            } else {
                area.draw(&PathElement::new(line, style))?;
            }
            area.draw(&Text::new(curve.name, (left + 32, 36), (FONT, 13).into_font().color(&INK)))?;
            // How wide a letter is, is for the reader's font to say.
            left += 32 + i32::try_from(curve.name.chars().count()).unwrap_or(0) * 7 + 22;
        }
        Ok(())
    }

    fn curves_on<Y>(
        &self,
        mut chart: ChartContext<'_, SVGBackend<'_>, Cartesian2d<plotters::coord::types::RangedCoordf64, Y>>,
        up: &Range<f64>,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut before = f64::NAN;
        for (when, _) in &self.shaded {
            let shade = if before == when.start { NEXT_SHADE } else { SHADE };
            before = when.end;
            let corners = [(when.start, up.start), (when.end, up.end)];
            chart.draw_series([Rectangle::new(corners, shade.filled())])?;
        }
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.09))
            .axis_style(INK)
            .label_style((FONT, 13).into_font().color(&INK))
            .axis_desc_style((FONT, 14).into_font().color(&INK))
            .x_desc("seconds")
            .y_desc(self.axis)
            .y_label_formatter(&|value| number(*value))
            .x_label_formatter(&|value| format!("{value:.0}"))
            .draw()?;
        for (when, what) in &self.shaded {
            let small = (FONT, 12).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Top));
            chart.draw_series([EmptyElement::at((when.start, up.end)) + Text::new(*what, (4, 4), small)])?;
        }
        for (index, curve) in self.curves.iter().enumerate() {
            // Nothing is no place on an axis of powers of ten.
            let points: Points = curve.points.iter().map(|(at, value)| (*at, value.max(up.start))).collect();
            if curve.dashed {
                chart.draw_series(DashedLineSeries::new(points, 6, 4, style(index, curve)))?;
            } else {
                chart.draw_series(LineSeries::new(points, style(index, curve)))?;
            }
        }
        Ok(())
    }
}

fn style(index: usize, curve: &Curve) -> ShapeStyle {
    let colour = if curve.dashed { LIMIT } else { COLOURS[index % COLOURS.len()] };
    colour.stroke_width(2)
}

fn number(value: f64) -> String {
    if value >= 10.0 || value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_says_what_it_shows() {
        let curve = |logarithmic| Plot {
            name: "test",
            title: "A test",
            axis: "calls per second",
            logarithmic,
            at_least: 10.0,
            shaded: vec![(2.0..4.0, "something happens")],
            curves: vec![
                Curve::new("with", (0..10).map(|at| (f64::from(at), 5.0)).collect()),
                Curve::bound("at most", vec![(0.0, 9.0), (9.0, 9.0)]),
            ],
        };
        for logarithmic in [false, true] {
            let svg = curve(logarithmic).svg().expect("a picture");
            assert!(svg.starts_with("<svg") && svg.contains("900"), "{svg}");
            for text in ["A test", "calls per second", "seconds", "something happens", "with", "at most"] {
                assert!(svg.contains(text), "{text}\n{svg}");
            }
        }
    }
}
