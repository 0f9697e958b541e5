//! Pictures: one drawing, as SVG and as PNG of twice the size.
//!
//! The font comes with the program, so that a picture looks the same wherever it is made.

use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ab_glyph::FontRef;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use crate::canvas::Canvas;

// Colours that people with any kind of colour vision tell apart (Okabe and Ito).
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(crate) const PURPLE: RGBColor = RGBColor(204, 121, 167);

pub(crate) const COLORS: [RGBColor; 5] = [BLUE, VERMILION, GREEN, ORANGE, PURPLE];

const INK: RGBColor = RGBColor(30, 30, 30);
const FAINT: RGBColor = RGBColor(95, 95, 95);
const GRID: RGBColor = RGBColor(222, 222, 222);
const SHADE: RGBColor = RGBColor(240, 228, 215);

const WIDTH: u32 = 900;

enum Style {
    Line,
    Bars,
}

/// One line or one set of bars.
pub(crate) struct Series {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
    style: Style,
    marked: bool,
}

impl Series {
    pub(crate) fn line(name: impl Into<String>, color: RGBColor, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), color, points, style: Style::Line, marked: false }
    }

    pub(crate) fn bars(name: impl Into<String>, color: RGBColor, points: Vec<(f64, f64)>) -> Self {
        Self { style: Style::Bars, ..Self::line(name, color, points) }
    }

    /// With a dot at every point.
    pub(crate) fn marked(mut self) -> Self {
        self.marked = true;
        self
    }
}

/// A pair of axes and what stands between them.
pub(crate) struct Panel {
    title: String,
    x_name: String,
    y_name: String,
    x: Range<f64>,
    y: Range<f64>,
    log_y: bool,
    shade: Option<(f64, f64, String)>,
    series: Vec<Series>,
}

impl Panel {
    pub(crate) fn new(title: &str, x_name: &str, y_name: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_name: x_name.to_owned(),
            y_name: y_name.to_owned(),
            x: 0.0..1.0,
            y: 0.0..1.0,
            log_y: false,
            shade: None,
            series: Vec::new(),
        }
    }

    pub(crate) fn x(mut self, from: f64, to: f64) -> Self {
        self.x = from..to;
        self
    }

    pub(crate) fn y(mut self, from: f64, to: f64) -> Self {
        self.y = from..to;
        self
    }

    /// A logarithmic scale.
    pub(crate) fn log_y(mut self, from: f64, to: f64) -> Self {
        self.y = from.log10()..to.log10();
        self.log_y = true;
        self
    }

    /// A span of the x axis that is shaded and named.
    pub(crate) fn shade(mut self, from: f64, to: f64, name: &str) -> Self {
        self.shade = Some((from, to, name.to_owned()));
        self
    }

    pub(crate) fn series(mut self, series: Vec<Series>) -> Self {
        self.series = series;
        self
    }
}

/// A picture: a title, a legend and panels one below the other.
pub(crate) struct Chart {
    file: &'static str,
    title: String,
    subtitle: String,
    panels: Vec<Panel>,
    legend: bool,
}

impl Chart {
    pub(crate) fn new(file: &'static str, title: &str, subtitle: &str, panels: Vec<Panel>) -> Self {
        Self { file, title: title.to_owned(), subtitle: subtitle.to_owned(), panels, legend: true }
    }

    /// For panels whose titles name what they show.
    pub(crate) fn without_legend(mut self) -> Self {
        self.legend = false;
        self
    }

    fn height(&self) -> u32 {
        let head = if self.legend { 104 } else { 76 };
        head + match self.panels.len() {
            1 => 380,
            panels => 230 * u32::try_from(panels).unwrap_or(1),
        }
    }

    /// The picture as SVG.
    pub(crate) fn svg(&self) -> Result<String, Box<dyn Error>> {
        fonts()?;
        let mut text = String::new();
        {
            let backend = SVGBackend::with_string(&mut text, (WIDTH, self.height()));
            self.draw(&backend.into_drawing_area(), 1.0)?;
        }
        Ok(text)
    }

    /// The picture as PNG, of twice the size.
    pub(crate) fn png(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        fonts()?;
        let (width, height) = (WIDTH * 2, self.height() * 2);
        let mut pixels = vec![255; (width * height * 3) as usize];
        {
            let font = FontRef::try_from_slice(ttf_noto_sans::REGULAR)?;
            let backend = Canvas::new(&mut pixels, (width, height), font);
            self.draw(&backend.into_drawing_area(), 2.0)?;
        }
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.write_header()?.write_image_data(&pixels)?;
        Ok(file)
    }

    /// Writes both into a folder and returns the path without the extension.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(self.file);
        std::fs::write(path.with_extension("svg"), self.svg()?)?;
        std::fs::write(path.with_extension("png"), self.png()?)?;
        Ok(path)
    }

    fn draw<B: DrawingBackend>(
        &self,
        root: &DrawingArea<B, Shift>,
        scale: f64,
    ) -> Result<(), Box<dyn Error>>
    where
        B::ErrorType: 'static,
    {
        let pen = Pen { scale };
        root.fill(&WHITE)?;
        pen.text(root, &self.title, (24, 16), 21.0, INK)?;
        pen.text(root, &self.subtitle, (24, 44), 14.0, FAINT)?;
        let mut head = 72;
        if self.legend {
            self.draw_legend(root, &pen, 78)?;
            head = 100;
        }
        let (_, body) = root.split_vertically(pen.px(head));
        for (area, panel) in body.split_evenly((self.panels.len(), 1)).iter().zip(&self.panels) {
            panel.draw(area, &pen)?;
        }
        root.present()?;
        Ok(())
    }

    fn draw_legend<B: DrawingBackend>(
        &self,
        root: &DrawingArea<B, Shift>,
        pen: &Pen,
        y: i32,
    ) -> Result<(), Box<dyn Error>>
    where
        B::ErrorType: 'static,
    {
        let mut x = 24;
        for series in &self.panels[0].series {
            let line = [(pen.px(x), pen.px(y + 2)), (pen.px(x + 22), pen.px(y + 2))];
            root.draw(&PathElement::new(line, series.color.stroke_width(pen.width(3.0))))?;
            pen.text(root, &series.name, (x + 28, y - 2), 14.0, INK)?;
            let (width, _) = root.estimate_text_size(&series.name, &pen.style(14.0, INK))?;
            x += 28 + (f64::from(width) / pen.scale) as i32 + 22;
        }
        Ok(())
    }
}

impl Panel {
    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        pen: &Pen,
    ) -> Result<(), Box<dyn Error>>
    where
        B::ErrorType: 'static,
    {
        let titled = !self.title.is_empty();
        if titled {
            let color = self.series.first().map_or(INK, |series| series.color);
            pen.text(area, &self.title, (76, 2), 15.0, color)?;
        }
        let mut chart = ChartBuilder::on(area)
            .margin_top(pen.px(if titled { 24 } else { 8 }))
            .margin_right(pen.px(24))
            .margin_bottom(pen.px(10))
            .margin_left(pen.px(12))
            .x_label_area_size(pen.px(46))
            .y_label_area_size(pen.px(64))
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        if let Some((from, to, _)) = &self.shade {
            let corners = [(*from, self.y.start), (*to, self.y.end)];
            chart.draw_series([Rectangle::new(corners, SHADE.filled())])?;
        }
        let y_label = |y: &f64| {
            let value = if self.log_y { 10_f64.powf(*y) } else { *y };
            let text = if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.1}") };
            text.trim_end_matches(".0").to_owned()
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(pen.width(1.0)))
            .axis_style(FAINT.stroke_width(pen.width(1.0)))
            .x_labels(10)
            .y_labels(if self.log_y { 4 } else { 6 })
            .x_label_formatter(&|x| format!("{x}"))
            .y_label_formatter(&y_label)
            .x_desc(&self.x_name)
            .y_desc(&self.y_name)
            .label_style(pen.style(13.0, INK))
            .axis_desc_style(pen.style(14.0, INK))
            .set_all_tick_mark_size(pen.px(4))
            .draw()?;
        let place = |&(x, y): &(f64, f64)| {
            let y = if self.log_y { y.log10() } else { y };
            (x, y.clamp(self.y.start, self.y.end))
        };
        for series in &self.series {
            let points = series.points.iter().map(place);
            match series.style {
                Style::Line => {
                    let stroke = series.color.stroke_width(pen.width(2.0));
                    chart.draw_series(LineSeries::new(points, stroke))?;
                }
                Style::Bars => {
                    // Wide enough to be seen, however narrow its bin is.
                    let width = (self.x.end - self.x.start) / 450.0;
                    let bar = |(x, y): (f64, f64)| {
                        Rectangle::new([(x, self.y.start), (x + width, y)], series.color.filled())
                    };
                    chart.draw_series(points.map(bar))?;
                }
            }
            if series.marked {
                let dot = |point| Circle::new(point, pen.width(4.0), series.color.filled());
                chart.draw_series(series.points.iter().map(place).map(dot))?;
            }
        }
        if let Some((from, to, name)) = &self.shade {
            let (x, y) = chart.backend_coord(&(f64::midpoint(*from, *to), self.y.end));
            let (left, top) = area.get_base_pixel();
            let style = pen.style(13.0, FAINT).pos(Pos::new(HPos::Center, VPos::Top));
            area.draw(&Text::new(name.clone(), (x - left, y - top + pen.px(5)), style))?;
        }
        Ok(())
    }
}

/// Sizes in points of the SVG, drawn larger where the picture is.
struct Pen {
    scale: f64,
}

impl Pen {
    fn px(&self, points: i32) -> i32 {
        (f64::from(points) * self.scale).round() as i32
    }

    fn width(&self, points: f64) -> u32 {
        (points * self.scale).round() as u32
    }

    fn style(&self, size: f64, color: RGBColor) -> TextStyle<'static> {
        let mut style = TextStyle::from(("sans-serif", size * self.scale).into_font());
        style.color = color.to_backend_color();
        style
    }

    fn text<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        text: &str,
        (x, y): (i32, i32),
        size: f64,
        color: RGBColor,
    ) -> Result<(), Box<dyn Error>>
    where
        B::ErrorType: 'static,
    {
        let at = (self.px(x), self.px(y));
        area.draw(&Text::new(text.to_owned(), at, self.style(size, color)))?;
        Ok(())
    }
}

/// Makes the font known; a second time changes nothing.
fn fonts() -> Result<(), Box<dyn Error>> {
    register_font("sans-serif", FontStyle::Normal, ttf_noto_sans::REGULAR)
        .map_err(|_| "the font that comes with the program cannot be read".into())
}
