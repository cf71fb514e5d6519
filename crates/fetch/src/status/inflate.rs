//! Decompression of a status list, within a limit (draft-ietf-oauth-status-list §4.1).

use std::io::Read;

use flate2::read::ZlibDecoder;

/// The largest list, in bytes: some 67 million statuses of one bit.
pub(super) const LARGEST: usize = 8 * 1024 * 1024;

/// Decompresses a list; `None` when it is broken or would be larger than [`LARGEST`].
pub(super) fn inflate(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut list = Vec::new();
    let one_more = u64::try_from(LARGEST).ok()? + 1;
    ZlibDecoder::new(compressed).take(one_more).read_to_end(&mut list).ok()?;
    (list.len() <= LARGEST).then_some(list)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn deflate(list: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(list).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_list_is_decompressed() {
        // The example of the draft, §4.2.
        let compressed = bailiwick_jose::base64url::decode("eNrbuRgAAhcBXQ").unwrap();
        assert_eq!(inflate(&compressed).unwrap(), [0xb9, 0xa3]);
        assert_eq!(inflate(&deflate(&vec![0; LARGEST])).unwrap().len(), LARGEST);
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = deflate(&vec![0; LARGEST + 1]);
        assert!(bomb.len() < 10_000);
        assert_eq!(inflate(&bomb), None);
        assert_eq!(inflate(&deflate(&vec![0; 10 * LARGEST])), None);
    }

    #[test]
    fn a_broken_list_is_refused() {
        let good = deflate(b"statuses");
        for broken in [&good[..0], &good[..good.len() - 1], b"statuses", &[0xff; 64]] {
            assert_eq!(inflate(broken), None);
        }
    }
}
