//! From pairs to groups: who is with whom, and which copy is the best.
//!
//! A group holds together by pairs that were each compared. Sameness of shots is carried on
//! from one pair to the next; likeness is not, and binds to the best copy alone. Nothing here
//! compares anything, and nothing is known of files.

use std::collections::{BTreeMap, VecDeque};

use super::Tier;

/// A member of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its place among those that were given.
    pub place: usize,
    /// The pair by which it belongs, as its place among the pairs; nothing of the best.
    pub pair: Option<usize>,
}

/// Makes groups of two and more of the things whose merits are given, the least being the
/// best. `pairs` are places; those that do not exist are ignored. Each group has its best
/// first and the others in the order of their merits.
#[must_use]
pub fn groups<M: Ord>(merits: &[M], pairs: &[(usize, usize)], tier: Tier) -> Vec<Vec<Member>> {
    let mut neighbours: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (pair, (a, b)) in pairs.iter().enumerate() {
        if a != b && *a.max(b) < merits.len() {
            neighbours.entry(*a).or_default().push((*b, pair));
            neighbours.entry(*b).or_default().push((*a, pair));
        }
    }
    let mut by_merit: Vec<usize> = neighbours.keys().copied().collect();
    by_merit.sort_by_key(|place| (&merits[*place], *place));
    let mut taken = vec![false; merits.len()];
    let mut groups = Vec::new();
    // The best that is left begins a group, so that it is the best of that group.
    for best in by_merit {
        if taken[best] {
            continue;
        }
        let mut members = reached(&neighbours, best, tier, &mut taken);
        if members.len() > 1 {
            members[1..].sort_by_key(|member| (&merits[member.place], member.place));
            groups.push(members);
        }
    }
    groups
}

/// All that are bound to the best, which comes first; they are taken.
fn reached(
    neighbours: &BTreeMap<usize, Vec<(usize, usize)>>,
    best: usize,
    tier: Tier,
    taken: &mut [bool],
) -> Vec<Member> {
    taken[best] = true;
    let mut members = vec![Member {
        place: best,
        pair: None,
    }];
    // By the fewest steps, so that a member names the best where it was compared with it.
    let mut waiting = VecDeque::from([best]);
    while let Some(at) = waiting.pop_front() {
        for (place, pair) in neighbours.get(&at).into_iter().flatten().copied() {
            if std::mem::replace(&mut taken[place], true) {
                continue;
            }
            members.push(Member {
                place,
                pair: Some(pair),
            });
            if tier != Tier::Lookalike {
                waiting.push_back(place);
            }
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(groups: &[Vec<Member>]) -> Vec<Vec<usize>> {
        let places = |group: &Vec<Member>| group.iter().map(|member| member.place).collect();
        groups.iter().map(places).collect()
    }

    #[test]
    fn the_best_leads_and_the_others_follow_by_merit_each_with_its_pair() {
        let groups = groups(&[5, 1, 3, 0], &[(0, 2), (2, 1)], Tier::SamePhoto);
        assert_eq!(places(&groups), [[1, 2, 0]]);
        let pairs: Vec<_> = groups[0].iter().map(|member| member.pair).collect();
        assert_eq!(pairs, [None, Some(1), Some(0)]);
    }

    #[test]
    fn who_was_compared_with_the_best_names_that_pair() {
        let groups = groups(&[0, 1, 2], &[(1, 2), (0, 1), (0, 2)], Tier::SamePhoto);
        let pairs: Vec<_> = groups[0].iter().map(|member| member.pair).collect();
        assert_eq!(pairs, [None, Some(1), Some(2)]);
    }

    #[test]
    fn likeness_is_not_carried_from_one_to_the_next() {
        let chain = [(0, 1), (1, 2), (2, 3)];
        let groups = groups(&[0, 1, 2, 3], &chain, Tier::Lookalike);
        assert_eq!(places(&groups), [[0, 1], [2, 3]]);
    }

    #[test]
    fn pairs_of_what_does_not_exist_or_of_one_thing_are_ignored() {
        assert!(groups(&[0, 1], &[(0, 7), (1, 1)], Tier::SamePhoto).is_empty());
    }
}
