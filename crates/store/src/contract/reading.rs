//! Reading: what was written comes back, in its order.

use std::sync::Arc;

use bailiwick_grant::state::{
    Code, GrantRecord, Name, RefreshToken, RevokedToken, Session, Username,
};
use bailiwick_grant::{Change, Loaded, Stored};

use super::samples::{code, count, grant, name, refresh_token, revoked, session, username};
use crate::{Store, StoreExt};

type Dyn = Arc<dyn Store>;

async fn write(store: &Dyn, keys: &[&str]) {
    let changes = keys.iter().map(|key| Change::insert(username(key))).collect();
    store.commit(changes).await.unwrap();
}

fn keys(page: &[Loaded<Username>]) -> Vec<&str> {
    page.iter().map(|loaded| loaded.value.username.as_str()).collect()
}

pub async fn what_is_not_there_is_none(store: Dyn) {
    assert!(store.load::<Code>("nobody").await.unwrap().is_none());
    assert!(store.load_each::<Code>(&[]).await.unwrap().is_empty());
    assert!(store.list::<Code>(None, 10).await.unwrap().is_empty());
    assert!(store.all::<Code>().await.unwrap().is_empty());
}

pub async fn kinds_do_not_share_their_keys(store: Dyn) {
    store.commit(vec![Change::insert(name("same", 7))]).await.unwrap();
    assert!(store.load::<Username>("same").await.unwrap().is_none());
    store.commit(vec![Change::insert(username("same"))]).await.unwrap();
    store.commit(vec![Change::delete::<Username>("same")]).await.unwrap();
    let (gone, kept) = store.load_pair::<Username, Name>("same", "same").await.unwrap();
    assert!(gone.is_none());
    assert_eq!(count(&kept.unwrap().value), 7);
}

pub async fn several_records_are_loaded_in_the_order_asked(store: Dyn) {
    let changes = [3, 1, 2].map(|count| Change::insert(name(&format!("key {count}"), count)));
    store.commit(changes.to_vec()).await.unwrap();
    let asked = ["key 2", "none", "key 1", "key 3", "key 1"];
    let loaded = store.load_each::<Name>(&asked).await.unwrap();
    let counts: Vec<_> = loaded.iter().map(|it| it.as_ref().map(|it| count(&it.value))).collect();
    assert_eq!(counts, [Some(2), None, Some(1), Some(3), Some(1)]);
}

pub async fn a_list_goes_in_the_order_of_the_keys_bytes(store: Dyn) {
    write(&store, &["b", "é", "B", "a", "10", "9", "ab", "", "😀", "\u{ffff}", "a b"]).await;
    let page = store.list::<Username>(None, 100).await.unwrap();
    let expected = ["", "10", "9", "B", "a", "a b", "ab", "b", "é", "\u{ffff}", "😀"];
    assert_eq!(keys(&page), expected);
}

pub async fn a_list_is_read_page_by_page(store: Dyn) {
    write(&store, &["e", "d", "c", "b", "a"]).await;
    let first = store.list::<Username>(None, 2).await.unwrap();
    assert_eq!(keys(&first), ["a", "b"]);
    let second = store.list::<Username>(Some("b"), 2).await.unwrap();
    assert_eq!(keys(&second), ["c", "d"]);
    let last = store.list::<Username>(Some("d"), 2).await.unwrap();
    assert_eq!(keys(&last), ["e"]);
    assert!(store.list::<Username>(Some("e"), 2).await.unwrap().is_empty());
    let between = store.list::<Username>(Some("bb"), 1).await.unwrap();
    assert_eq!(keys(&between), ["c"], "a page may begin after a key that is not there");
    assert!(store.list::<Username>(None, 0).await.unwrap().is_empty());
    assert_eq!(store.list::<Username>(None, usize::MAX).await.unwrap().len(), 5);
}

pub async fn all_reads_past_the_first_page(store: Dyn) {
    let written: Vec<String> = (0..600).map(|number| format!("user {number:04}")).collect();
    let borrowed: Vec<&str> = written.iter().map(String::as_str).collect();
    write(&store, &borrowed).await;
    assert_eq!(keys(&store.all::<Username>().await.unwrap()), borrowed);
}

pub async fn odd_keys_are_kept_apart(store: Dyn) {
    let odd = [
        "",
        " ",
        "'",
        "''",
        "\"",
        "%",
        "_",
        "\\",
        "$1",
        "?",
        ";",
        "a",
        "A",
        "a ",
        "a\0",
        "a\0b",
        "\0",
        "\n",
        "null",
        "1",
        "1.0",
        "01",
        "é",
        "e\u{301}",
        "\u{202e}",
        "😀",
        "x'); drop table username; --",
    ];
    write(&store, &odd).await;
    for key in odd {
        let loaded = store.load::<Username>(key).await.unwrap().unwrap();
        assert_eq!(loaded.value.username, key);
        store.commit(vec![loaded.update(username(key))]).await.unwrap();
    }
    let mut sorted = odd.to_vec();
    sorted.sort_unstable();
    assert_eq!(keys(&store.all::<Username>().await.unwrap()), sorted);
    for (done, key) in odd.iter().enumerate() {
        store.commit(vec![Change::delete::<Username>(*key)]).await.unwrap();
        let left = store.all::<Username>().await.unwrap().len();
        assert_eq!(left, odd.len() - done - 1, "{key:?} removed only itself");
    }
}

pub async fn a_large_body_comes_back_whole(store: Dyn) {
    let large: String = ('a'..='z').cycle().take(3_000_000).collect();
    let written = Code { redirect_uri: Some(large), ..code("large") };
    store.commit(vec![Change::insert(written.clone())]).await.unwrap();
    let loaded = store.load::<Code>("large").await.unwrap().unwrap();
    assert!(loaded.value == written, "the body differs");
}

pub async fn records_come_back_as_they_were_written(store: Dyn) {
    back(&store, code("code")).await;
    back(&store, grant("grant")).await;
    back(&store, refresh_token("token", 3)).await;
    back(&store, revoked("jti", i64::MAX)).await;
    back(&store, session("session", -1)).await;
    back(&store, name("name", 0)).await;
    assert!(store.load::<Code>("code").await.unwrap().is_some());
    assert!(store.load::<GrantRecord>("grant").await.unwrap().is_some());
    assert!(store.load::<RefreshToken>("token").await.unwrap().is_some());
    assert!(store.load::<RevokedToken>("jti").await.unwrap().is_some());
    assert!(store.load::<Session>("session").await.unwrap().is_some());
}

async fn back<T: Stored + Clone + PartialEq + std::fmt::Debug>(store: &Dyn, written: T) {
    store.commit(vec![Change::insert(written.clone())]).await.unwrap();
    let loaded = store.load::<T>(&written.key()).await.unwrap().unwrap();
    assert_eq!(loaded.value, written);
}

pub async fn a_ready_store_says_so(store: Dyn) {
    store.check().await.unwrap();
}
