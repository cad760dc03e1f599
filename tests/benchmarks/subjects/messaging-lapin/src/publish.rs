//! Publishing with confirms.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};

use crate::Failure;
use crate::message::{self, Template};
use crate::plan::{EXCHANGE, KEY, Plan, Span};
use crate::prepare::connect;

type Sending<'a> = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + 'a>>;

pub async fn run(plan: &Plan) -> Result<(), Failure> {
    let connection = connect(plan).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let body = message::body(0, 0);
    let mut template = Template::new();
    // What is not measured: the first messages of a connection.
    send(&channel, plan.window.into(), u64::from(plan.window), &body, &mut template).await?;
    let span = Span::begin();
    send(&channel, plan.window.into(), plan.messages, &body, &mut template).await?;
    span.end(plan.messages);
    connection.close(200, "done".into()).await?;
    Ok(())
}

async fn send(
    channel: &Channel,
    window: usize,
    messages: u64,
    body: &[u8],
    template: &mut Template,
) -> Result<(), Failure> {
    let mut on_the_way: VecDeque<Sending<'_>> = VecDeque::with_capacity(window);
    let mut left = messages;
    loop {
        while left > 0 && on_the_way.len() < window {
            on_the_way.push_back(begin(channel, body, template.next()));
            left -= 1;
        }
        let Some(oldest) = on_the_way.front_mut() else { return Ok(()) };
        // Only the oldest has a waker; whatever was confirmed with it is ready when its turn comes.
        check(oldest.await?)?;
        on_the_way.pop_front();
        while let Some(oldest) = on_the_way.front_mut() {
            match oldest.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(confirmation) => check(confirmation?)?,
                Poll::Pending => break,
            }
            on_the_way.pop_front();
        }
    }
}

/// Hands the frames of a message over; the future is its confirmation.
fn begin<'a>(channel: &'a Channel, body: &'a [u8], properties: BasicProperties) -> Sending<'a> {
    let mut sending: Sending<'a> = Box::pin(async move {
        let options = BasicPublishOptions::default();
        channel.basic_publish(EXCHANGE.into(), KEY.into(), options, body, properties).await?.await
    });
    // It cannot be ready before lapin's thread has seen it, and a future that was polled once may be polled again.
    let _ = sending.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    sending
}

fn check(confirmation: Confirmation) -> Result<(), Failure> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        other => Err(format!("not confirmed: {other:?}").into()),
    }
}
