//! How the pages of an issuer look: its name, its picture, its colour.

use std::fmt::Write as _;

/// The look of an issuer's pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Branding {
    /// Whose pages these are; the host where there is none.
    pub name: Option<String>,
    /// A picture above each page.
    pub logo: Option<Logo>,
    /// The colour of buttons and links.
    pub accent: Option<Accent>,
}

/// A picture, of a kind that browsers draw without running anything.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    kind: Picture,
    octets: Vec<u8>,
}

/// The kinds of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picture {
    Svg,
    Png,
}

/// A colour on which white text can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent(Colour);

/// Red, green and blue.
type Colour = [u8; 3];

/// The most octets of a picture.
pub const LARGEST_LOGO: usize = 128 * 1024;

/// Why something does not become part of the look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The picture is of another kind.
    #[error("the picture is neither SVG nor PNG")]
    Kind,
    /// The picture is too large.
    #[error("the picture has more than {LARGEST_LOGO} octets")]
    Size,
    /// The colour is no colour.
    #[error("a colour is written as \"#2f5d50\"")]
    Colour,
    /// White text cannot be read on the colour.
    #[error("white text cannot be read on this colour; take a darker one")]
    Contrast,
}

impl Logo {
    /// Takes a picture by its content, whatever its name.
    ///
    /// # Errors
    /// When it is neither SVG nor PNG, or too large.
    pub fn new(octets: Vec<u8>) -> Result<Self, Unfit> {
        if octets.len() > LARGEST_LOGO {
            return Err(Unfit::Size);
        }
        let kind = if octets.starts_with(b"\x89PNG\r\n\x1a\n") {
            Picture::Png
        } else if std::str::from_utf8(&octets).is_ok_and(|text| text.contains("<svg")) {
            Picture::Svg
        } else {
            return Err(Unfit::Kind);
        };
        Ok(Self { kind, octets })
    }

    /// The media type.
    pub(crate) fn media_type(&self) -> &'static str {
        match self.kind {
            Picture::Svg => "image/svg+xml",
            Picture::Png => "image/png",
        }
    }

    /// The usual end of a file's name.
    pub(crate) fn extension(&self) -> &'static str {
        match self.kind {
            Picture::Svg => "svg",
            Picture::Png => "png",
        }
    }

    /// The picture itself.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl std::fmt::Debug for Logo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Logo({:?}, {} bytes)", self.kind, self.octets.len())
    }
}

impl Accent {
    /// Reads a colour, `#rrggbb`.
    ///
    /// # Errors
    /// When it is no colour, or white text has less than the contrast that WCAG 2.2 §1.4.3 asks for.
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let digits = digits.filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] = number.ok_or(Unfit::Colour)?.to_be_bytes();
        let colour = [red, green, blue];
        if contrast(colour, WHITE) < READABLE { Err(Unfit::Contrast) } else { Ok(Self(colour)) }
    }

    /// The colour for dark pages: as much lighter as reading it there needs.
    fn on_dark(self) -> Colour {
        let mut colour = self.0;
        while contrast(colour, DARK_SHEET) < READABLE {
            colour = colour.map(|part| part.saturating_add((255 - part) / 10 + 1));
        }
        colour
    }
}

impl Branding {
    /// What is written below the style sheet that all issuers share.
    pub(crate) fn style(&self) -> String {
        let mut style = String::new();
        if let Some(accent) = self.accent {
            let (light, dark) = (written(accent.0), written(accent.on_dark()));
            let _ = write!(
                style,
                "\n:root {{ --accent: {light}; }}\n\
                 @media (prefers-color-scheme: dark) {{ :root {{ --accent: {dark}; }} }}\n"
            );
        }
        style
    }
}

const WHITE: Colour = [255; 3];

/// `--sheet` of dark pages in the style sheet.
const DARK_SHEET: Colour = [0x1b, 0x21, 0x1f];

/// The contrast that text needs to be read (WCAG 2.2 §1.4.3).
const READABLE: f64 = 4.5;

fn written([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio").
fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// How light a colour is, 0 to 1 (WCAG 2.2, "relative luminance").
fn luminance(colour: Colour) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrasts_are_those_of_the_standard() {
        assert!((contrast(WHITE, [0; 3]) - 21.0).abs() < 0.001);
        assert!((contrast(WHITE, [0x76; 3]) - 4.54).abs() < 0.01);
    }

    #[test]
    fn a_colour_that_hides_white_text_is_refused() {
        let cases = [
            ("#2f5d50", Ok([0x2f, 0x5d, 0x50])),
            ("#767676", Ok([0x76; 3])),
            ("#777777", Err(Unfit::Contrast)),
            ("#FFCC00", Err(Unfit::Contrast)),
            ("2f5d50", Err(Unfit::Colour)),
            ("#2f5d5", Err(Unfit::Colour)),
            ("#2f5d5g", Err(Unfit::Colour)),
            ("#+f5d50", Err(Unfit::Colour)),
            ("red;}*{display:none", Err(Unfit::Colour)),
        ];
        for (text, expected) in cases {
            assert_eq!(Accent::parse(text).map(|accent| accent.0), expected, "{text}");
        }
    }

    #[test]
    fn dark_pages_get_a_lighter_one() {
        for text in ["#000000", "#0000ff", "#2f5d50", "#767676"] {
            let dark = Accent::parse(text).unwrap().on_dark();
            assert!(contrast(dark, DARK_SHEET) >= READABLE, "{text} becomes {}", written(dark));
        }
    }

    #[test]
    fn a_picture_is_known_by_its_content() {
        let kind = |octets: &[u8]| Logo::new(octets.to_vec()).map(|logo| logo.media_type());
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n..."), Ok("image/png"));
        assert_eq!(kind(b"<?xml version='1.0'?><svg/>"), Ok("image/svg+xml"));
        assert_eq!(kind(b"<html></html>"), Err(Unfit::Kind));
        assert_eq!(kind(&[b' '; LARGEST_LOGO + 1]), Err(Unfit::Size));
    }
}
