//! Lists that change while they are read: whole, or said not to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use events::Position;
use proptest::prelude::*;
use query_api::{BusinessList, QueryOptions};
use views::{BlockEnd, EntryKey, ListId, Partition, Row, RowKey, Sort, ViewError, ViewReader, ViewStatus};

use crate::views_in_memory::{Change, Memory};
use crate::world::{EVERYTHING, api, business, cut, get, options};

fn best(score: u16, number: u64) -> EntryKey {
    EntryKey::best(u16::MAX - score, business(number))
}

/// Replaces the rows of a list by those of a later time.
fn become_list(blocks: Vec<(BlockEnd, u64, views::Block)>) -> Change {
    Box::new(move |rows| {
        let prefix = Partition::List(EVERYTHING).prefix();
        rows.retain(|key, _| !key.starts_with(&prefix));
        for (end, version, block) in blocks {
            let row = Row { version: Position(version), body: block.to_body().into() };
            rows.insert(RowKey::Block(EVERYTHING, end).to_bytes(), row);
        }
    })
}

fn with_version(blocks: Vec<(BlockEnd, views::Block)>, version: u64) -> Vec<(BlockEnd, u64, views::Block)> {
    blocks.into_iter().map(|(end, block)| (end, version, block)).collect()
}

fn slugs(list: &BusinessList) -> Vec<u64> {
    list.data.iter().map(|card| card.slug[2..].parse().unwrap()).collect()
}

/// Every fifth entry ends a block, whatever else is there.
fn in_fives(key: &EntryKey) -> bool {
    key.ordinal(Sort::Best).unwrap().0.is_multiple_of(5)
}

#[tokio::test]
async fn a_gap_is_read_again() {
    let memory = Memory::world();
    (1..=20).for_each(|number| memory.put_business(number));
    let all: Vec<_> = (1..=20).map(|number| best(number as u16, number)).collect();
    let whole = cut(all.clone(), in_fives);
    // Given a list whose second block is not there the first time,
    let mut gap = whole.clone();
    gap.remove(1);
    memory.before_ranges.lock().unwrap().push(become_list(with_version(gap.clone(), 5)));
    memory.before_ranges.lock().unwrap().push(become_list(with_version(gap.clone(), 5)));
    memory.before_ranges.lock().unwrap().push(become_list(with_version(whole, 5)));
    let answer = get(&api(memory.clone(), options()), "/v1/businesses?limit=12").await;
    // then it is whole the second time.
    assert!(!answer.is_stale());
    assert_eq!(slugs(&answer.json()), (1..=12).collect::<Vec<_>>());

    // When it stays so, what holds is given and said to be stale, and no cache keeps it.
    become_list(with_version(gap.clone(), 5))(&mut memory.rows.lock().unwrap());
    let answer = get(&api(memory.clone(), options()), "/v1/businesses?limit=12").await;
    assert!(answer.is_stale());
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let list: BusinessList = answer.json();
    assert_eq!(slugs(&list), (1..=5).collect::<Vec<_>>());
    assert!(list.page.has_more, "the list does not end at the gap");

    // When not even its beginning holds, there is no answer.
    gap.remove(0);
    become_list(with_version(gap, 5))(&mut memory.rows.lock().unwrap());
    let answer = get(&api(memory.clone(), options()), "/v1/businesses?limit=12").await;
    assert!(answer.problem(503, "views_unavailable").retryable);

    // Nor when its end is missing.
    let mut endless = cut(all, in_fives);
    endless.pop();
    become_list(with_version(endless, 5))(&mut memory.rows.lock().unwrap());
    assert!(get(&api(memory, options()), "/v1/businesses?limit=100").await.is_stale());
}

#[tokio::test]
async fn a_move_between_two_range_reads_is_noticed() {
    let memory = Memory::world();
    (1..=60).for_each(|number| memory.put_business(number));
    let before: Vec<_> = (1..=60).map(|number| best(number as u16 * 10, number)).collect();
    // Given that business 58 moves to the top after the first blocks were read: all blocks still form one chain.
    let after: Vec<_> =
        (1..=60).map(|number| best(if number == 58 { 1 } else { number as u16 * 10 }, number)).collect();
    let ends = [40, 80, 120, 160, 200].map(|score| best(score, score as u64 / 10));
    let is_end = |key: &EntryKey| ends.contains(key);
    become_list(with_version(cut(before, is_end), 5))(&mut memory.rows.lock().unwrap());
    memory.before_ranges.lock().unwrap().push(Box::new(|_| ()));
    memory.before_ranges.lock().unwrap().push(become_list(with_version(cut(after, is_end), 1001)));
    let api = api(memory.clone(), options());
    let answer = get(&api, "/v1/businesses?limit=100").await;
    // Then it is not answered as if nothing had happened.
    let found = slugs(&answer.json());
    assert!(answer.is_stale() || found.contains(&58), "{found:?}");
    // And once the move is published, it is whole again.
    memory.publish(1001);
    let answer = get(&api, "/v1/businesses?limit=100").await;
    assert!(!answer.is_stale());
    assert_eq!(slugs(&answer.json())[0], 58);
}

/// A list through time, and a store that serves each of its rows as of any moment since what it has published.
struct Times {
    memory: Arc<Memory>,
    /// At each moment: clustering part of a block to its row.
    moments: Vec<BTreeMap<Vec<u8>, Row>>,
    /// Which moment the next row is served from, and how often the clock ticks.
    choices: Mutex<Vec<u8>>,
    published: Mutex<usize>,
}

impl Times {
    fn choose(&self, from: usize, to: usize) -> usize {
        let mut choices = self.choices.lock().unwrap();
        choices.rotate_left(1);
        from + usize::from(*choices.last().unwrap()) % (to - from + 1)
    }
}

#[async_trait]
impl ViewReader for Times {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, ViewError> {
        self.memory.get(key).await
    }

    async fn multi_get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, ViewError> {
        self.memory.multi_get(keys).await
    }

    async fn range(&self, _: Partition, from: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Row)>, ViewError> {
        let mut published = self.published.lock().unwrap();
        let last = self.moments.len() - 1;
        let ends: BTreeSet<&Vec<u8>> = self.moments.iter().flat_map(BTreeMap::keys).collect();
        let rows = ends.into_iter().filter(|end| &end[..] >= from);
        let served = rows.filter_map(|end| {
            let row = self.moments[self.choose(*published, last)].get(end)?;
            Some((end.clone(), row.clone()))
        });
        let served: Vec<_> = served.take(limit).collect();
        // Time goes on between reads.
        *published = self.choose(*published, last.min(*published + 1));
        Ok(served)
    }

    fn status(&self) -> ViewStatus {
        ViewStatus { published: Position(*self.published.lock().unwrap() as u64), ..self.memory.status() }
    }

    async fn wait_published(&self, position: Position) -> Result<(), ViewError> {
        let mut published = self.published.lock().unwrap();
        *published = (*published).max(usize::try_from(position.0).unwrap());
        Ok(())
    }
}

const BUSINESSES: u64 = 24;

/// Rows of every moment; a row's version is the moment that last changed it.
fn rows_through_time(states: &[Vec<EntryKey>]) -> Vec<BTreeMap<Vec<u8>, Row>> {
    let mut moments: Vec<BTreeMap<Vec<u8>, Row>> = Vec::new();
    for (moment, entries) in states.iter().enumerate() {
        // Whether an entry ends a block depends on nothing but the entry, as in a real list.
        let blocks = cut(entries.clone(), |key| xxhash_rust::xxh3::xxh3_64(key.as_bytes()).is_multiple_of(3));
        let rows = blocks.into_iter().map(|(end, block)| {
            let (end, body) = (end.to_bytes(), block.to_body());
            let unchanged = moments.last().and_then(|rows| rows.get(&end)).filter(|row| row.body == body);
            let version = unchanged.map_or(Position(moment as u64), |row| row.version);
            (end, Row { version, body: body.into() })
        });
        let rows = rows.collect();
        moments.push(rows);
    }
    moments
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_page_is_of_one_moment_or_says_that_it_may_not_be(
        scores in prop::collection::vec(0_u16..1000, BUSINESSES as usize),
        moves in prop::collection::vec((0..BUSINESSES as usize, 0_u16..1000, any::<bool>()), 1..6),
        choices in prop::collection::vec(any::<u8>(), 64),
        limit in 1_usize..30,
        begin_at in prop::option::of(0_u16..1000),
    ) {
        let mut places: Vec<Option<u16>> = scores.into_iter().map(Some).collect();
        let mut states = Vec::new();
        for step in 0..=moves.len() {
            let entries = (1..).zip(&places).filter_map(|(number, score)| score.map(|score| best(score, number)));
            states.push(entries.collect::<Vec<_>>());
            if let Some((who, score, stays)) = moves.get(step) {
                places[*who] = stays.then_some(*score);
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let memory = Memory::world();
            (1..=BUSINESSES).for_each(|number| memory.put_business(number));
            let times = Arc::new(Times {
                memory,
                moments: rows_through_time(&states),
                choices: Mutex::new(choices),
                published: Mutex::new(0),
            });
            let after = begin_at.map(|score| best(score, 0));
            let mut path = format!("/v1/businesses?limit={limit}");
            if let Some(after) = &after {
                path.push_str(&format!("&cursor={}", cursor_after(after).await));
            }
            // Blocks are short here: enough range reads that none is given up for that.
            let options = QueryOptions { list_ranges_max: 50, ..options() };
            let answer = get(&api(times, options), &path).await;
            if answer.is_stale() || answer.status == 503 {
                return Ok(());
            }
            let list: BusinessList = answer.json();
            let found = slugs(&list);
            let is_of = |entries: &Vec<EntryKey>| {
                let mut entries = entries.clone();
                entries.sort();
                let rest = entries.iter().filter(|entry| after.as_ref().is_none_or(|after| *entry > after));
                let rest: Vec<u64> = rest.map(|entry| entry.ordinal(Sort::Best).unwrap().0 - 100).collect();
                rest.starts_with(&found) && list.page.has_more == (rest.len() > found.len())
            };
            prop_assert!(states.iter().any(is_of), "{found:?} is of no moment of {states:?}");
            Ok(())
        })?;
    }
}

/// A genuine cursor behind an entry: that of a list which has it, and one more.
async fn cursor_after(entry: &EntryKey) -> String {
    let memory = Memory::world();
    let list: ListId = EVERYTHING;
    memory.put_list_cut(list, vec![entry.clone(), EntryKey::from_bytes(&[0xff, 0xff, 2, 0xff, 0xff])], |_| false);
    let list: BusinessList = get(&api(memory, options()), "/v1/businesses?limit=1").await.json();
    list.page.next_cursor.unwrap()
}
