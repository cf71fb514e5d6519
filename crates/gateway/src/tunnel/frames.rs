//! WebSocket frames: where one ends, and the last one (RFC 6455 §5.2, §5.5.1, §7.4.1).

use crate::forward::Cut;

/// Follows the frames of a server; their content is nobody's business here.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// What there is of a head that is not whole, at most 14 octets.
    head: Vec<u8>,
    /// How many octets of a frame are to come.
    left: u64,
}

impl Frames {
    /// Whether the last frame is whole, so that another may come.
    pub(super) fn is_between(&self) -> bool {
        self.left == 0 && self.head.is_empty()
    }

    /// Follows octets; gives back how many are taken: all, or those up to the end of the frame.
    pub(super) fn follow(&mut self, octets: &[u8], to_its_end: bool) -> usize {
        let mut at = 0;
        while at < octets.len() {
            if self.left > 0 {
                let rest = octets.len() - at;
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest);
                self.left -= taken as u64;
                at += taken;
            } else {
                self.head.push(octets[at]);
                at += 1;
                if let Some(length) = length(&self.head) {
                    self.left = length;
                    self.head.clear();
                }
            }
            if to_its_end && self.is_between() {
                break;
            }
        }
        at
    }
}

/// How long the payload of a frame is, once its head is whole.
fn length(head: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = head else { return None };
    let (short, mask) = (second & 0x7f, if second & 0x80 == 0 { 0 } else { 4 });
    let extended = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if rest.len() < extended + mask {
        return None;
    }
    let extended = &rest[..extended];
    if extended.is_empty() {
        return Some(u64::from(short));
    }
    Some(extended.iter().fold(0, |length, octet| length << 8 | u64::from(*octet)))
}

/// The close frame of a WebSocket that is ended here: 1008, a violation of policy, when its token
/// is not good any more, 1001, going away, when the gateway stops or waited for too long.
pub(super) fn close(cut: Cut) -> Vec<u8> {
    let code: u16 = match cut {
        Cut::Expired | Cut::Refused => 1008,
        Cut::Silent | Cut::TooLong | Cut::Stopped => 1001,
    };
    let reason = cut.as_str().as_bytes();
    // INVARIANT: the reasons are shorter than 124 octets, as control frames must be.
    let length = u8::try_from(reason.len() + 2).unwrap_or(2);
    let reason = &reason[..usize::from(length) - 2];
    [&[0x88, length], &code.to_be_bytes()[..], reason].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> Vec<u8> {
        let mut frame = vec![0x82];
        match length {
            0..=125 => frame.push(u8::try_from(length).unwrap()),
            126..=65_535 => {
                frame.push(126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0x88; length]);
        frame
    }

    #[test]
    fn a_frame_ends_where_its_head_says() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let octets = [frame(length), frame(3)].concat();
            let end = octets.len() - frame(3).len();
            for piece in [1, 2, 7, octets.len()] {
                let mut frames = Frames::default();
                let mut ends = Vec::new();
                let mut at = 0;
                while at < octets.len() {
                    at += frames.follow(&octets[at..octets.len().min(at + piece)], true);
                    if frames.is_between() {
                        ends.push(at);
                    }
                }
                assert_eq!(ends, [end, octets.len()], "{length} {piece}");
            }
        }
    }

    #[test]
    fn a_masked_frame_has_its_key_in_its_head() {
        let mut frames = Frames::default();
        assert_eq!(frames.follow(&[0x81, 0x82, 1, 2, 3, 4, 5, 6, 7], true), 8);
    }

    #[test]
    fn the_last_frame_says_why() {
        let last = close(Cut::Expired);
        assert_eq!(last[..4], [0x88, 19, 0x03, 0xf0]);
        assert_eq!(last[4..], *b"the token expired");
        assert_eq!(close(Cut::Stopped)[2..4], [0x03, 0xe9]);
        let all = [Cut::Expired, Cut::Refused, Cut::Silent, Cut::TooLong, Cut::Stopped];
        for cut in all {
            let last = close(cut);
            assert!(last.len() <= 127 && last[4..] == *cut.as_str().as_bytes());
            let mut frames = Frames::default();
            assert_eq!((frames.follow(&last, false), frames.is_between()), (last.len(), true));
        }
    }
}
