//! The operations of the store, each one statement: their arguments, and what becomes of the rows.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};

use super::link::{Query, check};
use super::rows::{Step, corrupt, record, resolved, weaknesses, word};
use super::{OwnersWrite, PostgresStore, RACES, SWEPT_AT_ONCE, contended, micros};
use crate::idempotency::store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, Record, RecordState, Resolution,
    StoreFuture, Written,
};
use crate::idempotency::words::{NOT_DONE, check_key};

impl IdempotencyStore for PostgresStore {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn guarantees(&self) -> Guarantees {
        Guarantees { durable: true, shared: true }
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.links).addr()
    }

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        Some(Arc::new(self.clone()))
    }

    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed> {
        Box::pin(self.claimed(request))
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        lease: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            check_key("postgres", key)?;
            let owner = claim.owner.0.to_be_bytes();
            let (fence, lease) = (i64::try_from(claim.fence).ok(), micros(lease));
            let arguments: [(&(dyn ToSql + Sync), Type); 4] = [
                (&key, Type::TEXT),
                (&owner.as_slice(), Type::BYTEA),
                (&fence, Type::INT8),
                (&lease, Type::INT8),
            ];
            let sql = include_str!("renew.sql");
            self.write(sql, key, &arguments, claim, RecordState::InFlight).await
        })
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        value: &'a [u8],
        ttl: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.end(OwnersWrite::done(key, claim, value, ttl), claim))
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.end(OwnersWrite::noted(key, claim, RecordState::Released, note), claim))
    }

    fn mark_unknown<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.end(OwnersWrite::noted(key, claim, RecordState::Unknown, note), claim))
    }

    fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            check_key("postgres", key)?;
            let sql = include_str!("peek.sql");
            let arguments: [(&(dyn ToSql + Sync), Type); 1] = [(&key, Type::TEXT)];
            for _ in 0..RACES {
                let query = Query { sql, arguments: &arguments, repeatable: true };
                let rows = self.links.rows(query).await?;
                let Some(row) = rows.first() else { return Ok(None) };
                if let Some(record) = self.settled(record(row)?, key).await? {
                    return Ok(Some(record));
                }
            }
            Err(contended())
        })
    }

    fn unknowns<'a>(&'a self, after: Option<&'a str>, most: usize) -> StoreFuture<'a, Vec<Record>> {
        Box::pin(async move {
            // Every key is behind the empty one.
            let (after, most) = (after.unwrap_or(""), i64::try_from(most).unwrap_or(i64::MAX));
            let arguments: [(&(dyn ToSql + Sync), Type); 2] =
                [(&after, Type::TEXT), (&most, Type::INT8)];
            let sql = include_str!("lapse_some.sql");
            self.links.rows(Query { sql, arguments: &arguments, repeatable: true }).await?;
            let sql = include_str!("unknowns.sql");
            let rows =
                self.links.rows(Query { sql, arguments: &arguments, repeatable: true }).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in &rows {
                if let Step::Answer(record) = record(row)? {
                    found.push(record);
                }
            }
            Ok(found)
        })
    }

    fn resolve<'a>(
        &'a self,
        key: &'a str,
        fence: u64,
        resolution: Resolution,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            check_key("postgres", key)?;
            let (target, value, note) = match &resolution {
                Resolution::Done(value) => (RecordState::Done, Some(value.as_slice()), None),
                Resolution::NotDone => (RecordState::Released, None, Some(NOT_DONE)),
            };
            let number = i64::try_from(fence).ok();
            let arguments: [(&(dyn ToSql + Sync), Type); 5] = [
                (&key, Type::TEXT),
                (&number, Type::INT8),
                (&word(target), Type::TEXT),
                (&value, Type::BYTEA),
                (&note, Type::TEXT),
            ];
            for _ in 0..RACES {
                let sql = include_str!("resolve.sql");
                // Repeated after a lost answer it would find its own decision and call it lost.
                let query = Query { sql, arguments: &arguments, repeatable: false };
                let step = resolved(&self.row(query).await?, fence)?;
                if let Some(answer) = self.settled(step, key).await? {
                    return Ok(answer);
                }
            }
            Err(contended())
        })
    }

    fn sweep(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut swept = 0;
            loop {
                let arguments: [(&(dyn ToSql + Sync), Type); 1] = [(&SWEPT_AT_ONCE, Type::INT8)];
                let sql = include_str!("sweep.sql");
                let query = Query { sql, arguments: &arguments, repeatable: true };
                let step = self.links.rows(query).await?.len() as u64;
                swept += step;
                if step < SWEPT_AT_ONCE.unsigned_abs() {
                    return Ok(swept);
                }
            }
        })
    }

    fn audit(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async move {
            let mut faults = Vec::new();
            if let Err(error) = check(self.links.schema().await?) {
                faults.push(error.to_string());
            }
            let rows = self.links.bare_rows(include_str!("audit.sql")).await?;
            let row = rows.first().ok_or_else(|| corrupt("the server has no settings"))?;
            faults.extend(weaknesses(row)?);
            Ok(faults)
        })
    }
}
