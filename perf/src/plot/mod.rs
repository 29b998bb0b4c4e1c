//! Charts as SVG: lines over two axes, a legend, light on white.

mod axis;
mod svg;

pub use axis::{Axis, Tick};

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, in the order in which they are joined.
    pub points: Vec<(f64, f64)>,
    /// Draws a dot at each point.
    pub dots: bool,
}

/// A chart; `to_string` makes the SVG.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Under what circumstances.
    pub subtitle: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines; more than ten repeat colours.
    pub series: Vec<Series>,
}
