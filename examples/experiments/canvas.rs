//! A bitmap that writes its text itself: the backend of `plotters` puts every letter at its advance
//! and leaves out how far it reaches to the left of it, so that a `j` runs into what follows.

use ab_glyph::{Font, FontRef, ScaleFont, point};
use plotters::prelude::BitMapBackend;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

type Error = <BitMapBackend<'static> as DrawingBackend>::ErrorType;

/// RGB pixels, and the font.
pub(crate) struct Canvas<'a> {
    pixels: BitMapBackend<'a>,
    font: FontRef<'static>,
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(pixels: &'a mut [u8], size: (u32, u32), font: FontRef<'static>) -> Self {
        Self { pixels: BitMapBackend::with_buffer(pixels, size), font }
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Error;

    fn get_size(&self) -> (u32, u32) {
        self.pixels.get_size()
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Error>> {
        self.pixels.ensure_prepared()
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Error>> {
        self.pixels.present()
    }

    fn draw_pixel(
        &mut self,
        point: BackendCoord,
        color: BackendColor,
    ) -> Result<(), DrawingErrorKind<Error>> {
        self.pixels.draw_pixel(point, color)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Error>> {
        self.pixels.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Result<(), DrawingErrorKind<Error>> {
        self.pixels.draw_rect(upper_left, bottom_right, style, fill)
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        pos: BackendCoord,
    ) -> Result<(), DrawingErrorKind<Error>> {
        let layout = style.layout_box(text);
        let ((left, top), (right, bottom)) =
            layout.map_err(|error| DrawingErrorKind::FontError(Box::new(error)))?;
        let anchor = style.anchor();
        let dx = match anchor.h_pos {
            HPos::Left => 0,
            HPos::Center => (left - right) / 2,
            HPos::Right => left - right,
        };
        let dy = match anchor.v_pos {
            VPos::Top => 0,
            VPos::Center => (top - bottom) / 2,
            VPos::Bottom => top - bottom,
        };
        let (turn, color) = (style.transform(), style.color());
        let (width, height) = self.get_size();
        let inside = |x: i32, y: i32| {
            u32::try_from(x).is_ok_and(|x| x < width) && u32::try_from(y).is_ok_and(|y| y < height)
        };
        let font = self.font.clone();
        let scale = style.size() as f32;
        let scaled = font.as_scaled(scale);
        let (mut pen, mut last) = (0.0, None);
        for letter in text.chars() {
            let id = scaled.glyph_id(letter);
            pen += last.map_or(0.0, |last| scaled.kern(last, id));
            last = Some(id);
            // The line stands where `plotters` has it.
            let glyph = id.with_scale_and_position(scale, point(pen, scale / 2.0));
            pen += scaled.h_advance(id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            let mut dots = Vec::new();
            outline.draw(|x, y, coverage| dots.push((x.cast_signed(), y.cast_signed(), coverage)));
            for (x, y, coverage) in dots {
                let (x, y) = (x + corner.x as i32 + dx, y + corner.y as i32 + dy);
                let (x, y) = turn.transform(x, y);
                let (x, y) = (pos.0 + x, pos.1 + y);
                if inside(x, y) {
                    let alpha = color.alpha * f64::from(coverage);
                    self.pixels.draw_pixel((x, y), BackendColor { alpha, ..color })?;
                }
            }
        }
        Ok(())
    }
}
