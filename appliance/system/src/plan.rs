//! Who runs on which processors: pure functions from what clusters there are. `crier tune` measures the candidates and
//! keeps the fastest; without it the first one is a good guess.

use std::fmt;

use crate::{Cluster, ProcessorList};

/// Fast processors below this number are joined by those of the next cluster, as on chips with a single fastest one.
const FAST_PROCESSORS_MIN: usize = 4;

/// Threads of one engine and where they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Number of threads, at least 1.
    pub threads: usize,
    /// The processors that the threads share, ascending.
    pub processors: Vec<usize>,
}

/// Where everything runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuPlan {
    /// Talker and predictor; they take turns, so they have one share.
    pub talker_predictor: Share,
    /// Vocoder; it works while the other two do.
    pub vocoder: Share,
    /// Processors of the player.
    pub player: Vec<usize>,
    /// Processors of the intake.
    pub intake: Vec<usize>,
    /// Processors of the supervisor itself.
    pub supervisor: Vec<usize>,
}

impl CpuPlan {
    /// The plan for a machine that nothing was measured on. With a slow cluster the engines halve the fast processors
    /// and everything else runs on the slow ones; without, all share all and each engine has half the threads.
    #[must_use]
    pub fn from_clusters(clusters: &[Cluster]) -> Self {
        let (fast, slow) = fast_and_slow(clusters);
        let half = fast.len() / 2;
        match slow {
            Some(slow) if fast.len() > 1 => split(&fast, fast.len() - half, &slow),
            Some(slow) => shared(&fast, [1, 1], &slow),
            None => shared(&fast, [fast.len() - half, half], &fast),
        }
    }

    /// The plans that are worth measuring, the default first; at most 10.
    #[must_use]
    pub fn candidates(clusters: &[Cluster]) -> Vec<Self> {
        let (fast, slow) = fast_and_slow(clusters);
        let count = fast.len();
        let rest = slow.clone().unwrap_or_else(|| fast.clone());
        let mut plans = vec![Self::from_clusters(clusters)];
        for talker in [count - count / 2, count * 3 / 4, count.saturating_sub(1), count / 4, 1] {
            if (1..count).contains(&talker) {
                plans.push(split(&fast, talker, &rest));
            }
        }
        plans.push(shared(&fast, [count, count], &rest));
        plans.push(shared(&fast, [count - count / 2, count - count / 2], &rest));
        if let Some(slow) = slow.filter(|slow| slow.len() > 1) {
            // The vocoder counts, the other two wait for memory: it may be at home on the slow processors.
            let mut plan = shared(&fast, [count, count], &slow);
            plan.vocoder = Share { threads: slow.len(), processors: slow };
            plans.push(plan);
        }
        let mut distinct: Vec<Self> = Vec::new();
        for plan in plans {
            if !distinct.contains(&plan) {
                distinct.push(plan);
            }
        }
        distinct
    }
}

/// `talker+predictor 2 on 4-5, vocoder 2 on 6-7, player on 0-3, intake on 0-3`
impl fmt::Display for CpuPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "talker+predictor {} on {}, vocoder {} on {}, player on {}, intake on {}",
            self.talker_predictor.threads,
            ProcessorList(&self.talker_predictor.processors),
            self.vocoder.threads,
            ProcessorList(&self.vocoder.processors),
            ProcessorList(&self.player),
            ProcessorList(&self.intake),
        )
    }
}

/// The processors for the engines, and those of the slowest cluster where there is more than one.
fn fast_and_slow(clusters: &[Cluster]) -> (Vec<usize>, Option<Vec<usize>>) {
    let Some((slowest, faster)) = clusters.split_last().filter(|(_, faster)| !faster.is_empty()) else {
        let all = clusters.first().map(|only| only.processors.clone()).filter(|all| !all.is_empty());
        // Nobody runs on no processor, and the first one is always there.
        return (all.unwrap_or_else(|| vec![0]), None);
    };
    let mut fast: Vec<usize> = Vec::new();
    for cluster in faster {
        if fast.len() < FAST_PROCESSORS_MIN {
            fast.extend(&cluster.processors);
        }
    }
    fast.sort_unstable();
    (fast, Some(slowest.processors.clone()))
}

/// The engines side by side: the first `talker` processors to talker and predictor, the others to the vocoder.
fn split(fast: &[usize], talker: usize, rest: &[usize]) -> CpuPlan {
    let (talker, vocoder) = fast.split_at(talker);
    CpuPlan {
        talker_predictor: Share { threads: talker.len().max(1), processors: talker.to_vec() },
        vocoder: Share { threads: vocoder.len().max(1), processors: vocoder.to_vec() },
        player: rest.to_vec(),
        intake: rest.to_vec(),
        supervisor: rest.to_vec(),
    }
}

/// The engines on the same processors, with so many threads for talker and predictor and so many for the vocoder.
fn shared(fast: &[usize], [talker, vocoder]: [usize; 2], rest: &[usize]) -> CpuPlan {
    CpuPlan {
        talker_predictor: Share { threads: talker.max(1), processors: fast.to_vec() },
        vocoder: Share { threads: vocoder.max(1), processors: fast.to_vec() },
        player: rest.to_vec(),
        intake: rest.to_vec(),
        supervisor: rest.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cluster(speed: u64, processors: impl IntoIterator<Item = usize>) -> Cluster {
        Cluster { processors: processors.into_iter().collect(), speed }
    }

    fn texts(clusters: &[Cluster]) -> Vec<String> {
        CpuPlan::candidates(clusters).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rk3588_halves_the_fast_cluster_and_leaves_the_slow_one_to_the_rest() {
        let plan = CpuPlan::from_clusters(&[cluster(1024, 4..8), cluster(414, 0..4)]);
        assert_eq!(
            plan.to_string(),
            "talker+predictor 2 on 4-5, vocoder 2 on 6-7, player on 0-3, intake on 0-3"
        );
        assert_eq!(plan.supervisor, [0, 1, 2, 3]);
    }

    #[test]
    fn rk3588_has_these_plans_to_measure() {
        let rest = "player on 0-3, intake on 0-3";
        assert_eq!(
            texts(&[cluster(1024, 4..8), cluster(414, 0..4)]),
            [
                format!("talker+predictor 2 on 4-5, vocoder 2 on 6-7, {rest}"),
                format!("talker+predictor 3 on 4-6, vocoder 1 on 7, {rest}"),
                format!("talker+predictor 1 on 4, vocoder 3 on 5-7, {rest}"),
                format!("talker+predictor 4 on 4-7, vocoder 4 on 4-7, {rest}"),
                format!("talker+predictor 2 on 4-7, vocoder 2 on 4-7, {rest}"),
                format!("talker+predictor 4 on 4-7, vocoder 4 on 0-3, {rest}"),
            ]
        );
    }

    #[test]
    fn without_clusters_all_share_all_with_half_the_threads_each() {
        let plan = CpuPlan::from_clusters(&[cluster(0, 0..5)]);
        assert_eq!(plan.talker_predictor, Share { threads: 3, processors: vec![0, 1, 2, 3, 4] });
        assert_eq!(plan.vocoder, Share { threads: 2, processors: vec![0, 1, 2, 3, 4] });
        assert_eq!(plan.player, [0, 1, 2, 3, 4]);
        assert!(texts(&[cluster(0, 0..4)]).iter().any(|text| text.contains("2 on 0-1, vocoder 2 on 2-3")));
    }

    #[test]
    fn one_processor_has_one_plan() {
        let one = ["talker+predictor 1 on 3, vocoder 1 on 3, player on 3, intake on 3"];
        assert_eq!(texts(&[cluster(0, [3])]), one);
    }

    #[test]
    fn a_single_fastest_processor_is_joined_by_the_next_cluster() {
        let plan = CpuPlan::from_clusters(&[cluster(1024, [7]), cluster(800, 4..7), cluster(300, 0..4)]);
        assert_eq!(plan.talker_predictor.processors, [4, 5]);
        assert_eq!(plan.vocoder.processors, [6, 7]);
        assert_eq!(plan.player, [0, 1, 2, 3]);
        let alone = CpuPlan::from_clusters(&[cluster(1024, [7]), cluster(300, 0..4)]);
        assert_eq!((alone.vocoder.processors, alone.vocoder.threads), (vec![7], 1));
    }

    proptest! {
        #[test]
        fn every_plan_runs_everything_somewhere_that_exists(sizes in prop::collection::vec(0_usize..20, 0..5)) {
            let mut first = 0;
            let clusters: Vec<Cluster> = sizes.iter().filter(|size| **size > 0).map(|size| {
                first += size;
                cluster(1000 - first as u64, first - size..first)
            }).collect();
            let plans = CpuPlan::candidates(&clusters);
            prop_assert!((1..=10).contains(&plans.len()));
            prop_assert_eq!(&plans[0], &CpuPlan::from_clusters(&clusters));
            for plan in plans {
                for share in [&plan.talker_predictor, &plan.vocoder] {
                    prop_assert!((1..=share.processors.len()).contains(&share.threads), "{}", plan);
                    prop_assert!(share.processors.is_sorted());
                }
                let lists = [&plan.talker_predictor.processors, &plan.vocoder.processors, &plan.player, &plan.intake,
                             &plan.supervisor];
                for list in lists {
                    prop_assert!(!list.is_empty());
                    prop_assert!(list.iter().all(|number| *number < first.max(1)), "{}", plan);
                }
            }
        }
    }
}
