//! CPU assignment: a pure function from the clusters of the machine to the CPUs of each stage. `crier tune` measures
//! the candidates and keeps the fastest; without it the first candidate is a good guess.

use std::fmt;

use crier_system::{Cluster, ProcessorList};

use crate::SupervisorError;

/// Least number of fast CPUs. A smaller fastest cluster is joined by the next one, as on chips with one prime core: the
/// engines need at least two CPUs each to overlap.
const FAST_CPUS_MIN: usize = 4;

/// CPUs of an engine and its number of threads. Displayed as `2 threads on 4-5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuAssignment {
    /// Number of threads, at least 1.
    pub threads: usize,
    /// CPUs that the threads share, ascending.
    pub cpus: Vec<usize>,
}

impl fmt::Display for CpuAssignment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = if self.threads == 1 { "thread" } else { "threads" };
        write!(formatter, "{} {threads} on {}", self.threads, ProcessorList(&self.cpus))
    }
}

/// CPUs of the engines of a voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineCpus {
    /// Talker and predictor, which take turns and so share one assignment.
    pub talker_predictor: CpuAssignment,
    /// Vocoder, which works while the other two do.
    pub vocoder: CpuAssignment,
}

/// CPUs of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuPlan {
    /// CPUs of the engines.
    pub engines: EngineCpus,
    /// CPUs of the player.
    pub player: Vec<usize>,
    /// CPUs of the intake.
    pub intake: Vec<usize>,
    /// CPUs of the supervisor itself.
    pub supervisor: Vec<usize>,
    /// True if the machine has clusters of different speed.
    pub has_clusters: bool,
}

/// Parts of a plan that the configuration sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuOverrides {
    /// Threads of talker and predictor.
    pub talker_threads: Option<usize>,
    /// CPUs of talker and predictor.
    pub talker: Option<Vec<usize>>,
    /// Threads of the vocoder.
    pub vocoder_threads: Option<usize>,
    /// CPUs of the vocoder.
    pub vocoder: Option<Vec<usize>>,
    /// CPUs of the player.
    pub player: Option<Vec<usize>>,
    /// CPUs of the intake.
    pub intake: Option<Vec<usize>>,
    /// CPUs of the supervisor.
    pub supervisor: Option<Vec<usize>>,
}

impl CpuPlan {
    /// Returns the default plan for a machine that nothing was measured on. With a slow cluster the engines halve the
    /// fast CPUs and everything else runs on the slow ones; without, all share all and each engine has half the
    /// threads.
    #[must_use]
    pub fn from_clusters(clusters: &[Cluster]) -> Self {
        let (fast, slow) = fast_and_slow(clusters);
        // The odd CPU goes to talker and predictor: they are the longer path to the first audio.
        let half = fast.len() / 2;
        let has_clusters = clusters.len() > 1;
        match slow {
            Some(slow) if fast.len() > 1 => split(&fast, fast.len() - half, &slow, has_clusters),
            Some(slow) => shared(&fast, [1, 1], &slow, has_clusters),
            None => shared(&fast, [fast.len() - half, half], &fast, has_clusters),
        }
    }

    /// Returns this plan with the overrides of the configuration.
    ///
    /// # Errors
    /// [`SupervisorError::UnknownCpus`]: an override names CPUs that are not in `allowed`.
    pub fn with(self, overrides: &CpuOverrides, allowed: &[usize]) -> Result<Self, SupervisorError> {
        let known = |wanted: &Option<Vec<usize>>, planned: Vec<usize>| match wanted {
            None => Ok(planned),
            Some(wanted) if wanted.iter().all(|cpu| allowed.contains(cpu)) => Ok(wanted.clone()),
            Some(wanted) => Err(SupervisorError::UnknownCpus {
                wanted: ProcessorList(wanted).to_string(),
                available: ProcessorList(allowed).to_string(),
            }),
        };
        let assign = |threads: Option<usize>, cpus: &Option<Vec<usize>>, planned: CpuAssignment| {
            let cpus = known(cpus, planned.cpus)?;
            // More threads than CPUs only take turns, so a plan is cut to the CPUs of an override.
            let threads = threads.unwrap_or(planned.threads.min(cpus.len().max(1)));
            Ok::<_, SupervisorError>(CpuAssignment { threads, cpus })
        };
        let EngineCpus { talker_predictor, vocoder } = self.engines;
        Ok(Self {
            engines: EngineCpus {
                talker_predictor: assign(overrides.talker_threads, &overrides.talker, talker_predictor)?,
                vocoder: assign(overrides.vocoder_threads, &overrides.vocoder, vocoder)?,
            },
            player: known(&overrides.player, self.player)?,
            intake: known(&overrides.intake, self.intake)?,
            supervisor: known(&overrides.supervisor, self.supervisor)?,
            has_clusters: self.has_clusters,
        })
    }

    /// Returns the plans worth measuring, the default first; at most 10.
    #[must_use]
    pub fn candidates(clusters: &[Cluster]) -> Vec<Self> {
        let (fast, slow) = fast_and_slow(clusters);
        let has_clusters = clusters.len() > 1;
        let count = fast.len();
        let rest = slow.clone().unwrap_or_else(|| fast.clone());
        let mut plans = vec![Self::from_clusters(clusters)];
        // The best division depends on memory bandwidth and caches, which the machine does not describe: shares from
        // half to the extremes are measured.
        for talker in [count - count / 2, count * 3 / 4, count.saturating_sub(1), count / 4, 1] {
            if (1..count).contains(&talker) {
                plans.push(split(&fast, talker, &rest, has_clusters));
            }
        }
        plans.push(shared(&fast, [count, count], &rest, has_clusters));
        plans.push(shared(&fast, [count - count / 2, count - count / 2], &rest, has_clusters));
        if let Some(slow) = slow.filter(|slow| slow.len() > 1) {
            // The vocoder is bound by arithmetic, the other two by memory bandwidth: the slow CPUs may suffice for it.
            let mut plan = shared(&fast, [count, count], &slow, has_clusters);
            plan.engines.vocoder = CpuAssignment { threads: slow.len(), cpus: slow };
            plans.push(plan);
        }
        // On a small machine many of them are the same. Not sorted for that: the default has to stay first.
        let mut distinct: Vec<Self> = Vec::new();
        for plan in plans {
            if !distinct.contains(&plan) {
                distinct.push(plan);
            }
        }
        distinct
    }
}

/// `talker and predictor 2 threads on 4-5, vocoder 2 threads on 6-7, player on 0-3, intake on 0-3`
impl fmt::Display for CpuPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "talker and predictor {}, vocoder {}, player on {}, intake on {}",
            self.engines.talker_predictor,
            self.engines.vocoder,
            ProcessorList(&self.player),
            ProcessorList(&self.intake),
        )?;
        if self.has_clusters { Ok(()) } else { formatter.write_str(" (all CPUs are alike)") }
    }
}

/// Returns the CPUs for the engines, and those of the slowest cluster if there is more than one.
fn fast_and_slow(clusters: &[Cluster]) -> (Vec<usize>, Option<Vec<usize>>) {
    let Some((slowest, faster)) = clusters.split_last().filter(|(_, faster)| !faster.is_empty()) else {
        let all = clusters.first().map(|only| only.processors.clone()).filter(|all| !all.is_empty());
        // Without a description there is still CPU 0: no machine runs without it.
        return (all.unwrap_or_else(|| vec![0]), None);
    };
    let mut fast: Vec<usize> = Vec::new();
    // Fastest first. The slowest cluster is never among them: player, intake and supervisor need CPUs of their own.
    for cluster in faster {
        if fast.len() < FAST_CPUS_MIN {
            fast.extend(&cluster.processors);
        }
    }
    fast.sort_unstable();
    (fast, Some(slowest.processors.clone()))
}

/// Engines side by side: the first `talker` CPUs to talker and predictor, the others to the vocoder.
fn split(fast: &[usize], talker: usize, rest: &[usize], has_clusters: bool) -> CpuPlan {
    let (talker, vocoder) = fast.split_at(talker);
    plan(
        CpuAssignment { threads: talker.len().max(1), cpus: talker.to_vec() },
        CpuAssignment { threads: vocoder.len().max(1), cpus: vocoder.to_vec() },
        rest,
        has_clusters,
    )
}

/// Engines on the same CPUs, with so many threads for talker and predictor and so many for the vocoder.
fn shared(fast: &[usize], [talker, vocoder]: [usize; 2], rest: &[usize], has_clusters: bool) -> CpuPlan {
    plan(
        CpuAssignment { threads: talker.max(1), cpus: fast.to_vec() },
        CpuAssignment { threads: vocoder.max(1), cpus: fast.to_vec() },
        rest,
        has_clusters,
    )
}

fn plan(
    talker_predictor: CpuAssignment,
    vocoder: CpuAssignment,
    rest: &[usize],
    has_clusters: bool,
) -> CpuPlan {
    CpuPlan {
        engines: EngineCpus { talker_predictor, vocoder },
        player: rest.to_vec(),
        intake: rest.to_vec(),
        supervisor: rest.to_vec(),
        has_clusters,
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
            "talker and predictor 2 threads on 4-5, vocoder 2 threads on 6-7, player on 0-3, intake on 0-3"
        );
        assert_eq!(plan.supervisor, [0, 1, 2, 3]);
    }

    #[test]
    fn rk3588_has_these_plans_to_measure() {
        let rest = "player on 0-3, intake on 0-3";
        assert_eq!(
            texts(&[cluster(1024, 4..8), cluster(414, 0..4)]),
            [
                format!("talker and predictor 2 threads on 4-5, vocoder 2 threads on 6-7, {rest}"),
                format!("talker and predictor 3 threads on 4-6, vocoder 1 thread on 7, {rest}"),
                format!("talker and predictor 1 thread on 4, vocoder 3 threads on 5-7, {rest}"),
                format!("talker and predictor 4 threads on 4-7, vocoder 4 threads on 4-7, {rest}"),
                format!("talker and predictor 2 threads on 4-7, vocoder 2 threads on 4-7, {rest}"),
                format!("talker and predictor 4 threads on 4-7, vocoder 4 threads on 0-3, {rest}"),
            ]
        );
    }

    #[test]
    fn without_clusters_all_share_all_with_half_the_threads_each() {
        let plan = CpuPlan::from_clusters(&[cluster(0, 0..5)]);
        assert_eq!(plan.engines.talker_predictor, CpuAssignment { threads: 3, cpus: vec![0, 1, 2, 3, 4] });
        assert_eq!(plan.engines.vocoder, CpuAssignment { threads: 2, cpus: vec![0, 1, 2, 3, 4] });
        assert_eq!(plan.player, [0, 1, 2, 3, 4]);
        assert!(
            texts(&[cluster(0, 0..4)])
                .iter()
                .any(|text| text.contains("2 threads on 0-1, vocoder 2 threads on 2-3"))
        );
    }

    #[test]
    fn one_processor_has_one_plan() {
        let one = [
            "talker and predictor 1 thread on 3, vocoder 1 thread on 3, player on 3, intake on 3 (all CPUs are alike)",
        ];
        assert_eq!(texts(&[cluster(0, [3])]), one);
    }

    #[test]
    fn a_single_fastest_processor_is_joined_by_the_next_cluster() {
        let plan = CpuPlan::from_clusters(&[cluster(1024, [7]), cluster(800, 4..7), cluster(300, 0..4)]);
        assert_eq!(plan.engines.talker_predictor.cpus, [4, 5]);
        assert_eq!(plan.engines.vocoder.cpus, [6, 7]);
        assert_eq!(plan.player, [0, 1, 2, 3]);
        let alone = CpuPlan::from_clusters(&[cluster(1024, [7]), cluster(300, 0..4)]);
        assert_eq!((alone.engines.vocoder.cpus, alone.engines.vocoder.threads), (vec![7], 1));
    }

    #[test]
    fn overrides_of_cpus_that_are_not_there_are_refused() {
        let plan = CpuPlan::from_clusters(&[cluster(0, 0..4)]);
        let overrides = CpuOverrides { vocoder: Some(vec![400]), ..CpuOverrides::default() };
        let error = plan.clone().with(&overrides, &[0, 1, 2, 3]).unwrap_err().to_string();
        assert!(error.contains("400") && error.contains("0-3"), "{error}");
        let overrides = CpuOverrides { vocoder: Some(vec![3]), ..CpuOverrides::default() };
        let plan = plan.with(&overrides, &[0, 1, 2, 3]).unwrap();
        assert_eq!(plan.engines.vocoder, CpuAssignment { threads: 1, cpus: vec![3] });
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
                for share in [&plan.engines.talker_predictor, &plan.engines.vocoder] {
                    prop_assert!((1..=share.cpus.len()).contains(&share.threads), "{}", plan);
                    prop_assert!(share.cpus.is_sorted());
                }
                let lists = [&plan.engines.talker_predictor.cpus, &plan.engines.vocoder.cpus, &plan.player, &plan.intake,
                             &plan.supervisor];
                for list in lists {
                    prop_assert!(!list.is_empty());
                    prop_assert!(list.iter().all(|number| *number < first.max(1)), "{}", plan);
                }
            }
        }
    }
}
