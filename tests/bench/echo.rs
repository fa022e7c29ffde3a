//! The floor that LDAP servers stand on: what reading a message and writing one costs by itself.

use std::io::{Error, Result};
use std::net::TcpListener;
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};

use crate::Options;

/// A BindResponse of success with the message ID at [`ID`], in the four octets that this driver's requests use.
const ANSWER: [u8; 17] = *b"\x30\x0f\x02\x04\0\0\0\0\x61\x07\x0a\x01\0\x04\0\x04\0";
const ID: std::ops::Range<usize> = 4..8;

/// `echo`: answers whatever comes to `--addr` as if it were a good bind, one message a read, on as many threads as there
/// are processors. Prints nothing and runs until it is killed.
pub fn echo(options: &Options) -> Result<()> {
    let listener = TcpListener::bind(options.text("addr", "127.0.0.1:3390"))?;
    let workers = thread::available_parallelism()?.get();
    let handles = (0..workers).map(|_| worker()).collect::<Result<Vec<_>>>()?;
    for (stream, handle) in listener.incoming().zip(handles.iter().cycle()) {
        let stream = stream?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        handle.spawn(async move { answer(TcpStream::from_std(stream)?).await });
    }
    Ok(())
}

fn worker() -> Result<Handle> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(handle)
}

async fn answer(mut stream: TcpStream) -> Result<()> {
    let (mut request, mut answer) = ([0; 4096], ANSWER);
    loop {
        if stream.read(&mut request).await? == 0 {
            return Ok(());
        }
        // Behind the header, whose length takes one octet or, with 0x82, three.
        let header = if request[1] < 0x80 { 2 } else { 4 };
        let id = request.get(header + 2..header + 6);
        answer[ID].copy_from_slice(id.ok_or_else(|| Error::other("not a request of this driver"))?);
        stream.write_all(&answer).await?;
    }
}
