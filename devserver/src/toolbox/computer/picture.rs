//! A picture: read from the screen, with the mouse drawn into it, scaled, encoded.

use super::display::Display;
use super::failure::Failure;
use jpeg_encoder::{ColorType as JpegColors, Encoder as JpegEncoder};
use x11rb::connection::Connection;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat, ImageOrder};

/// Bytes of a pixel: blue, green, red, and one of no meaning.
const PIXEL_BYTES: usize = 4;
/// The version of XFIXES that brought the image of the cursor is 1.
const XFIXES_VERSION: (u32, u32) = (4, 0);
/// The largest picture, in pixels.
const MAX_PIXELS: i64 = 1 << 28;

#[derive(Clone, Copy, Debug)]
pub struct Region {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Png,
    Jpeg { quality: u8 },
}

pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// What lies outside the screen is black.
    pub fn of(display: &Display, region: Region) -> Result<Self, Failure> {
        if i64::from(region.width) * i64::from(region.height) > MAX_PIXELS {
            return Err(Failure::bad_request("invalid screenshot region: it is too large"));
        }
        let screen = display.screen();
        let (right, bottom) = (i64::from(screen.width_in_pixels), i64::from(screen.height_in_pixels));
        let clip = |start: i32, length: i32, limit: i64| {
            let first = i64::from(start).clamp(0, limit);
            let last = (i64::from(start) + i64::from(length)).clamp(first, limit);
            (first, last - first)
        };
        let (left, shown_width) = clip(region.x, region.width, right);
        let (top, shown_height) = clip(region.y, region.height, bottom);
        let mut picture = Self {
            width: region.width as usize,
            height: region.height as usize,
            pixels: vec![0; region.width as usize * region.height as usize * PIXEL_BYTES],
        };
        if shown_width == 0 || shown_height == 0 {
            return Ok(picture);
        }
        let setup = display.connection.setup();
        let depth = screen.root_depth;
        let is_known = setup.image_byte_order == ImageOrder::LSB_FIRST
            && setup.pixmap_formats.iter().any(|format| format.depth == depth && format.bits_per_pixel == 32);
        if !is_known {
            return Err(Failure::internal(format!("the display's pixels, of depth {depth}, cannot be read")));
        }
        let (width, height) = (shown_width as u16, shown_height as u16);
        let (x, y) = (left as i16, top as i16);
        let format = ImageFormat::Z_PIXMAP;
        let image =
            display.connection.get_image(format, display.root(), x, y, width, height, !0)?.reply()?.data;
        if shown_width as usize == picture.width && shown_height as usize == picture.height {
            picture.pixels = image;
            return Ok(picture);
        }
        let offset = ((left - i64::from(region.x)) as usize, (top - i64::from(region.y)) as usize);
        let row_bytes = shown_width as usize * PIXEL_BYTES;
        for (row, line) in image.chunks_exact(row_bytes).enumerate() {
            let start = ((offset.1 + row) * picture.width + offset.0) * PIXEL_BYTES;
            picture.pixels[start..start + row_bytes].copy_from_slice(line);
        }
        Ok(picture)
    }

    /// Draws the mouse's cursor into a picture that begins at that place of the screen.
    pub fn draw_cursor(&mut self, display: &Display, x: i32, y: i32) -> Result<(), Failure> {
        display.connection.xfixes_query_version(XFIXES_VERSION.0, XFIXES_VERSION.1)?.reply()?;
        let cursor = display.connection.xfixes_get_cursor_image()?.reply()?;
        let left = i32::from(cursor.x) - i32::from(cursor.xhot) - x;
        let top = i32::from(cursor.y) - i32::from(cursor.yhot) - y;
        let width = usize::from(cursor.width).max(1);
        for (at, color) in cursor.cursor_image.iter().enumerate() {
            let (column, row) = (left + (at % width) as i32, top + (at / width) as i32);
            let inside = (0..self.width as i32).contains(&column) && (0..self.height as i32).contains(&row);
            if !inside {
                continue;
            }
            let start = (row as usize * self.width + column as usize) * PIXEL_BYTES;
            let [blue, green, red, opacity] = color.to_le_bytes();
            // Its colours are multiplied by its opacity already.
            for (below, above) in self.pixels[start..start + 3].iter_mut().zip([blue, green, red]) {
                let shining = u32::from(*below) * u32::from(255 - opacity) / 255;
                *below = (shining + u32::from(above)).min(255) as u8;
            }
        }
        Ok(())
    }

    /// By the nearest pixel, as the daemon.
    pub fn scaled(self, scale: f64) -> Self {
        if scale >= 1.0 {
            return self;
        }
        let size = |length: usize| ((length as f64 * scale) as usize).max(1);
        let (width, height) = (size(self.width), size(self.height));
        let source = |at: usize, limit: usize| ((at as f64 / scale) as usize).min(limit - 1);
        let mut pixels = Vec::with_capacity(width * height * PIXEL_BYTES);
        for row in 0..height {
            let line = source(row, self.height) * self.width;
            for column in 0..width {
                let start = (line + source(column, self.width)) * PIXEL_BYTES;
                pixels.extend_from_slice(&self.pixels[start..start + PIXEL_BYTES]);
            }
        }
        Self { width, height, pixels }
    }

    pub fn encoded(&self, format: Format) -> Result<Vec<u8>, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::internal(format!("cannot encode: {error}"));
        let mut encoded = Vec::new();
        match format {
            Format::Png => {
                let mut encoder = png::Encoder::new(&mut encoded, self.width as u32, self.height as u32);
                encoder.set_color(png::ColorType::Rgb);
                encoder.set_depth(png::BitDepth::Eight);
                encoder.set_compression(png::Compression::Fast);
                let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
                writer.write_image_data(&self.rgb()).map_err(|error| failed(&error))?;
                writer.finish().map_err(|error| failed(&error))?;
            }
            Format::Jpeg { quality } => {
                let (Ok(width), Ok(height)) = (u16::try_from(self.width), u16::try_from(self.height)) else {
                    return Err(Failure::bad_request("invalid screenshot region: too large for JPEG"));
                };
                let encoder = JpegEncoder::new(&mut encoded, quality);
                let done = encoder.encode(&self.pixels, width, height, JpegColors::Bgra);
                done.map_err(|error| failed(&error))?;
            }
        }
        Ok(encoded)
    }

    fn rgb(&self) -> Vec<u8> {
        self.pixels.chunks_exact(PIXEL_BYTES).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let pixels = (0..6u8).flat_map(|at| [at, 10 + at, 20 + at, 0]).collect();
        Picture { width: 3, height: 2, pixels }
    }

    #[test]
    fn a_png_has_the_pixels_in_their_order() {
        let encoded = picture().encoded(Format::Png).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(encoded)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let expected: Vec<u8> = (0..6u8).flat_map(|at| [20 + at, 10 + at, at]).collect();
        assert_eq!((reader.info().width, reader.info().height, pixels), (3, 2, expected));
    }

    #[test]
    fn scaling_takes_every_nth_pixel_and_leaves_at_least_one() {
        let half = picture().scaled(0.5);
        assert_eq!((half.width, half.height, &half.pixels[..4]), (1, 1, &[0, 10, 20, 0][..]));
        let tiny = picture().scaled(0.1);
        assert_eq!((tiny.width, tiny.height), (1, 1));
        assert!(half.encoded(Format::Jpeg { quality: 50 }).unwrap().starts_with(&[0xff, 0xd8]));
    }
}
