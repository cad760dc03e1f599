//! Publishing with confirms: as many calls at once as the window allows.

use chassis::Result;
use chassis::messaging::Publisher;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::message;
use crate::plan::{Plan, SERVICE, Span};

/// On a worker of the runtime, as handlers run.
pub async fn run(plan: Plan) -> Result<()> {
    let published = tokio::spawn(async move {
        let publisher = Publisher::new(plan.connect().await?, SERVICE);
        // What is not measured: the first messages of a connection.
        send(&publisher, plan.window.into(), plan.window.into()).await?;
        let span = Span::begin();
        send(&publisher, plan.window.into(), plan.messages).await?;
        span.end(plan.messages);
        Ok(())
    });
    published.await?
}

async fn send(publisher: &Publisher, window: usize, messages: u64) -> Result<()> {
    let mut calls = FuturesUnordered::new();
    for number in 0..messages {
        if calls.len() >= window
            && let Some(published) = calls.next().await
        {
            published?;
        }
        calls.push(publisher.publish_now(message::sent(number, 0)));
    }
    while let Some(published) = calls.next().await {
        published?;
    }
    Ok(())
}
