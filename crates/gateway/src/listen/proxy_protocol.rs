//! The PROXY protocol, versions 1 and 2: whom a proxy below HTTP speaks for.
//!
//! The header is all that is read: what stands behind it is the connection's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads the header: the client's address, or `None` when the proxy speaks for itself, as it does
/// to see whether all is well, or does not know.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == *SIGNATURE { version_2(stream).await } else { version_1(stream, &start).await }
}

/// A line of text.
async fn version_1(
    stream: &mut (impl AsyncRead + Unpin),
    start: &[u8],
) -> io::Result<Option<SocketAddr>> {
    // Before more is read: whoever does not begin like this sends no such line.
    if !start.starts_with(b"PROXY ") {
        return Err(malformed());
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_LINE || line.contains(&b'\n') {
            return Err(malformed());
        }
        // One by one: what stands behind the line is not ours to read.
        line.push(stream.read_u8().await?);
    }
    let line = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
    let mut words = line.ok_or_else(malformed)?.split(' ').skip(1);
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(None);
    }
    let words = [words.next(), words.next(), words.next(), words.next(), words.next()];
    let [Some(source), Some(destination), Some(source_port), Some(destination_port), None] = words
    else {
        return Err(malformed());
    };
    let address = |text: &str| match family {
        Some("TCP4") => text.parse().ok().map(IpAddr::V4),
        Some("TCP6") => text.parse().ok().map(IpAddr::V6),
        _ => None,
    };
    match (address(source), address(destination), port(source_port), port(destination_port)) {
        (Some(source), Some(_), Some(port), Some(_)) => Ok(Some(SocketAddr::new(source, port))),
        _ => Err(malformed()),
    }
}

/// A port in its one spelling.
fn port(digits: &str) -> Option<u16> {
    let port: u16 = digits.parse().ok()?;
    (port.to_string() == digits).then_some(port)
}

/// A binary header: version and command, family, length, addresses, and values behind them.
async fn version_2(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let (command, family) = (stream.read_u8().await?, stream.read_u8().await?);
    let length = usize::from(stream.read_u16().await?);
    if length > LONGEST_BLOCK {
        return Err(malformed());
    }
    let mut block = vec![0; length];
    stream.read_exact(&mut block).await?;
    let (source, values) = match (command, family) {
        // What a proxy says of itself is not looked at.
        (LOCAL, _) => return Ok(None),
        (PROXY, UNSPECIFIED) => (None, block.as_slice()),
        (PROXY, TCP_OVER_IPV4) => {
            let (addresses, values) = block.split_first_chunk::<12>().ok_or_else(malformed)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
            (Some((IpAddr::V4(Ipv4Addr::new(a, b, c, d)), u16::from_be_bytes([high, low]))), values)
        }
        (PROXY, TCP_OVER_IPV6) => {
            let (addresses, values) = block.split_first_chunk::<36>().ok_or_else(malformed)?;
            let (source, rest) = addresses.split_first_chunk::<16>().ok_or_else(malformed)?;
            let port = u16::from_be_bytes([rest[16], rest[17]]);
            (Some((IpAddr::V6(Ipv6Addr::from(*source)), port)), values)
        }
        _ => return Err(malformed()),
    };
    well_formed(values)?;
    Ok(source.map(SocketAddr::from))
}

/// Checks that values fill the rest: a type, a length of two octets, and as many octets.
fn well_formed(mut values: &[u8]) -> io::Result<()> {
    while !values.is_empty() {
        let ([_, high, low], behind) = values.split_first_chunk().ok_or_else(malformed)?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        values = behind.get(length..).ok_or_else(malformed)?;
    }
    Ok(())
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no header of the PROXY protocol")
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const LONGEST_LINE: usize = 107;
const LONGEST_BLOCK: usize = 4096;
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's address and what is left of the stream behind the header.
    async fn verdict(sent: &[u8]) -> Result<(Option<String>, Vec<u8>), io::ErrorKind> {
        let mut stream = sent;
        let source = read(&mut stream).await.map_err(|error| error.kind())?;
        Ok((source.map(|address| address.to_string()), stream.to_vec()))
    }

    fn binary(command: u8, family: u8, length: u16, block: &[u8]) -> Vec<u8> {
        [SIGNATURE, &[command, family][..], &length.to_be_bytes(), block].concat()
    }

    fn whole(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        binary(command, family, u16::try_from(block.len()).unwrap(), block)
    }

    const V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0xdc, 0x04, 1, 0xbb];

    fn v6() -> Vec<u8> {
        let mut block = vec![0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        block.extend([0; 16]);
        block.extend([0, 80, 1, 0xbb]);
        block
    }

    #[tokio::test]
    async fn good_headers_name_the_client_and_end_where_they_end() {
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107 - 16));
        let cases = [
            (b"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n".to_vec(), Some("192.0.2.1:56324")),
            (b"PROXY TCP6 2001:db8::9 ::1 80 443\r\n".to_vec(), Some("[2001:db8::9]:80")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ::1 ::2 3 4\r\n".to_vec(), None),
            (longest.into_bytes(), None),
            (whole(PROXY, TCP_OVER_IPV4, &V4), Some("192.0.2.1:56324")),
            (whole(PROXY, TCP_OVER_IPV6, &v6()), Some("[2001:db8::9]:80")),
            (
                whole(PROXY, TCP_OVER_IPV4, &[&V4[..], &[4, 0, 2, 7, 7]].concat()),
                Some("192.0.2.1:56324"),
            ),
            (whole(PROXY, UNSPECIFIED, &[]), None),
            (whole(LOCAL, UNSPECIFIED, &[]), None),
            (whole(LOCAL, TCP_OVER_IPV4, &V4), None),
        ];
        for (header, expected) in cases {
            let sent = [&header[..], b"GET / "].concat();
            let expected = Ok((expected.map(str::to_owned), b"GET / ".to_vec()));
            assert_eq!(verdict(&sent).await, expected, "{:?}", header.escape_ascii().to_string());
            // No beginning of it is taken for the whole.
            for end in 0..header.len() {
                let verdict = verdict(&header[..end]).await;
                assert_eq!(verdict, Err(io::ErrorKind::UnexpectedEof), "{end}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_exactly_a_header_is_refused() {
        let lines = [
            "GET / HTTP/1.1\r\n\r\n",
            "proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY  TCP4 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n",
            "PROXY TCP4 192.0.2.01 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0 1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY TCP4\r\n    ",
            "PROXY \r\n      ",
        ];
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(108 - 16));
        let mut sent: Vec<Vec<u8>> = lines
            .into_iter()
            .chain([longest.as_str()])
            .map(|line| line.as_bytes().to_vec())
            .collect();
        sent.extend([
            whole(0x11, TCP_OVER_IPV4, &V4),
            whole(0x22, TCP_OVER_IPV4, &V4),
            whole(PROXY, 0x12, &V4),
            whole(PROXY, 0x31, &[0; 216]),
            whole(PROXY, TCP_OVER_IPV4, &V4[..11]),
            whole(PROXY, TCP_OVER_IPV6, &v6()[..35]),
            whole(PROXY, TCP_OVER_IPV4, &[&V4[..], &[4, 0]].concat()),
            whole(PROXY, TCP_OVER_IPV4, &[&V4[..], &[4, 0, 2, 7]].concat()),
            whole(PROXY, UNSPECIFIED, &[1]),
            binary(PROXY, TCP_OVER_IPV4, 4097, &V4),
        ]);
        for sent in sent {
            let verdict = verdict(&sent).await;
            assert_eq!(verdict, Err(io::ErrorKind::InvalidData), "{}", sent.escape_ascii());
        }
    }

    /// Every octet of good headers replaced by every other: nothing panics, and nothing but what
    /// the header says is ever left unread or read too far.
    #[tokio::test]
    async fn a_header_with_one_octet_changed_is_refused_or_still_one() {
        let line = b"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n".to_vec();
        for header in [line, whole(PROXY, TCP_OVER_IPV4, &V4), whole(PROXY, TCP_OVER_IPV6, &v6())] {
            for at in 0..header.len() {
                for octet in 0..=255 {
                    let mut sent = [&header[..], b"rest"].concat();
                    sent[at] = octet;
                    if let Ok((_, rest)) = verdict(&sent).await {
                        let is_length = header.starts_with(SIGNATURE) && (14..16).contains(&at);
                        assert!(rest == b"rest" || is_length, "{at} {octet}");
                    }
                }
            }
        }
    }
}
