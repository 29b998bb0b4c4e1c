//! A chart's SVG.

use super::{Chart, Series};
use std::fmt::{self, Display, Formatter};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 44.0;
/// Of the legend's first line, and from one to the next.
const LEGEND: f64 = 74.0;
const LEGEND_LINE: f64 = 20.0;
const BOTTOM: f64 = 64.0;
/// A legend's entry takes this much for each letter, and more for its line.
const LETTER: f64 = 7.4;

/// Okabe and Ito's colours, which colour-blind readers can tell apart, and more of the kind.
const COLOURS: [&str; 10] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444", "#8c564b",
    "#7b4fb5", "#6b8e23",
];

/// Text with what XML reserves written out.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // XML 1.0 has no way to write these.
                control if control.is_control() => f.write_str(" ")?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

impl Display for Chart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             font-family=\"'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\" font-size=\"13\" \
             fill=\"#333\">"
        )?;
        writeln!(f, "<title>{}</title>", Escaped(&self.title))?;
        writeln!(f, "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>")?;
        let (title, subtitle) = (Escaped(&self.title), Escaped(&self.subtitle));
        writeln!(
            f,
            "<text x=\"{LEFT}\" y=\"30\" font-size=\"18\" font-weight=\"bold\">{title}</text>"
        )?;
        writeln!(f, "<text x=\"{LEFT}\" y=\"50\" fill=\"#666\">{subtitle}</text>")?;
        self.legend(f)?;
        self.grid(f)?;
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            self.line(series, colour, f)?;
        }
        writeln!(f, "</svg>")
    }
}

impl Chart {
    fn x_at(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y_at(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - self.top() - BOTTOM)
    }

    /// Where each entry of the legend begins, and its line from 0.
    fn legend_places(&self) -> Vec<(f64, f64)> {
        let (mut x, mut line) = (LEFT, 0.0);
        let place = |series: &Series| {
            let letters = u32::try_from(series.name.chars().count()).unwrap_or(u32::MAX);
            let width = 48.0 + LETTER * f64::from(letters);
            if x > LEFT && x + width > WIDTH - RIGHT {
                (x, line) = (LEFT, line + 1.0);
            }
            let at = (x, line);
            x += width;
            at
        };
        self.series.iter().map(place).collect()
    }

    /// The upper edge of what is plotted: below the legend.
    fn top(&self) -> f64 {
        let last = self.legend_places().last().map_or(0.0, |(_, line)| *line);
        LEGEND + last * LEGEND_LINE + 22.0
    }

    fn legend(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let places = self.legend_places();
        let entries = self.series.iter().zip(COLOURS.iter().cycle()).zip(places);
        for ((series, colour), (x, line)) in entries {
            let (y, end, name) = (LEGEND + line * LEGEND_LINE, x + 22.0, Escaped(&series.name));
            writeln!(
                f,
                "<path d=\"M{x:.1} {y}H{end:.1}\" stroke=\"{colour}\" stroke-width=\"3\"/>\
                 <text x=\"{:.1}\" y=\"{}\">{name}</text>",
                end + 6.0,
                y + 4.0
            )?;
        }
        Ok(())
    }

    fn grid(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (top, right, bottom) = (self.top(), WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in self.y.ticks() {
            let (y, label) = (self.y_at(tick.at), Escaped(&tick.label));
            writeln!(
                f,
                "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 8.0,
                y + 4.5
            )?;
        }
        for tick in self.x.ticks() {
            let (x, label) = (self.x_at(tick.at), Escaped(&tick.label));
            writeln!(
                f,
                "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                bottom + 20.0
            )?;
        }
        writeln!(f, "<path d=\"M{LEFT} {top}V{bottom}H{right}\" stroke=\"#888\" fill=\"none\"/>")?;
        let (x, y) = (f64::midpoint(LEFT, right), f64::midpoint(top, bottom));
        writeln!(
            f,
            "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 18.0,
            Escaped(&self.x.label)
        )?;
        writeln!(
            f,
            "<text transform=\"translate(22 {y}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            Escaped(&self.y.label)
        )
    }

    fn line(&self, series: &Series, colour: &str, f: &mut Formatter<'_>) -> fmt::Result {
        let mut step = 'M';
        write!(f, "<path d=\"")?;
        for (x, y) in &series.points {
            write!(f, "{step}{:.1} {:.1}", self.x_at(*x), self.y_at(*y))?;
            step = 'L';
        }
        writeln!(
            f,
            "\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\" fill=\"none\"/>"
        )?;
        for (x, y) in series.points.iter().filter(|_| series.dots) {
            let (x, y) = (self.x_at(*x), self.y_at(*y));
            writeln!(f, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Axis;
    use super::*;

    #[test]
    fn reserved_characters_are_written_out() {
        let escaped = Escaped("a<b> & \"c\" 'd'\u{1}").to_string();
        assert_eq!(escaped, "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; ");
    }

    #[test]
    fn a_chart_has_its_lines_labels_and_legend() {
        let series =
            Series { name: "p99 <x>".into(), points: vec![(0.0, 1.0), (10.0, 100.0)], dots: true };
        let chart = Chart {
            title: "t & t".into(),
            subtitle: "s".into(),
            x: Axis::linear("rate, per second", 10.0),
            y: Axis::logarithmic("latency, µs", 1.0, 100.0),
            series: vec![series],
        };
        let svg = chart.to_string();
        for part in [
            "t &amp; t",
            "p99 &lt;x&gt;",
            "rate, per second",
            "latency, µs",
            "M84.0 476.0L916.0 96.0",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn a_long_legend_takes_more_lines() {
        let one = |number| Series {
            name: format!("a series of number {number}"),
            points: Vec::new(),
            dots: false,
        };
        let chart = Chart {
            title: String::new(),
            subtitle: String::new(),
            x: Axis::linear("x", 1.0),
            y: Axis::linear("y", 1.0),
            series: (0..12).map(one).collect(),
        };
        let places = chart.legend_places();
        assert!(places.iter().all(|(x, _)| *x < WIDTH - RIGHT));
        assert_eq!(places.last().unwrap().1, 2.0);
        assert!((chart.top() - 136.0).abs() < 1e-9);
    }
}
