"""The local training of clients, the same for boards, simulated clients and the central reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from bytefed.device.plan import TrainingPlan
from bytefed.errors import ConfigError
from bytefed.federation.class_means import STEP, ClassMeans
from bytefed.federation.config import RunConfig, with_rates
from bytefed.federation.private import noise_of
from bytefed.ledger import rates
from bytefed.ledger.planned_run import CLASS_MEANS
from bytefed.privacy.plan import NoisePlan
from bytefed.seeds import training_seed
from bytefed.strategies.base import Strategy, proximal_mu

MAX_PULL = np.float32(0.0100001)
"""Largest learning rate * proximal mu that boards accept (SPEC.md section 7): 0.01, and a little for float32."""


@dataclass(frozen=True)
class LocalTraining:
    """The local training of all clients of a run.

    Attributes:
        codec_down, codec_up: Names of the codecs of the downlink and of the uplink.
        epochs: Passes over a client's own samples in a round, 1 to 255; 0 by rule, see ``ledger.rates``.
        quick: Whether heads learn quickly, so that epochs by rule fall with the step size; never where clients judge
            their personal heads, which those epochs make.
        batch_size: Samples in a step, 1 to 255.
        learning_rate: Step size in the first round.
        decay: Factor on the step size after each `decay_rounds` rounds, 0 to 1.
        decay_rounds: Rounds between two steps of the decay, at least 1.
        proximal_mu: Weight of the proximal term, 0 for none.
        seed: The run's seed, 0 to 2^32 - 1.
        by_rule: Whether the first step size was nobody's choice; see ``ledger.rates``.
        personal: Whether clients judge their personal heads, too.
        noise: The noise of all rounds; None for none.
        class_means: Whether the first round brings class means, and has a training of its own; see ``class_means``.
    """

    codec_down: str
    codec_up: str
    epochs: int
    quick: bool
    batch_size: int
    learning_rate: float
    decay: float
    decay_rounds: int
    proximal_mu: float
    seed: int
    by_rule: bool = False
    personal: bool = False
    noise: NoisePlan | None = None
    class_means: bool = False

    @classmethod
    def of(cls, config: RunConfig, strategy: Strategy, *, whitened: bool = False) -> Self:
        """Take the keys about local training from a configuration.

        Args:
            config: The configuration.
            strategy: The strategy; one may pull clients to the global head.
            whitened: Whether the task's features are whitened.
        """
        down, up = config.codecs
        mu, by_rule, config = proximal_mu(strategy), not config.learning_rate, with_rates(config)
        rate = rates.start(mu, 0.01) if by_rule else config.learning_rate
        return cls(
            codec_down=down,
            codec_up=up,
            epochs=config.local_epochs,
            quick=whitened and not config.personal,
            batch_size=config.batch_size,
            learning_rate=rate,
            decay=config.learning_rate_decay,
            decay_rounds=config.learning_rate_rounds,
            proximal_mu=_checked_pull(rate, mu),
            seed=config.seed,
            by_rule=by_rule,
            personal=config.personal,
            noise=noise_of(config),
            class_means=config.first_round == CLASS_MEANS,
        )

    @property
    def codecs(self) -> tuple[str, str]:
        """Names of the codecs of the downlink and of the uplink."""
        return self.codec_down, self.codec_up

    def first_strategy(self, classes: int) -> ClassMeans | None:
        """Return the strategy of the first round, for heads of so many classes; None for that of all others."""
        return ClassMeans.of(classes, self.codec_up) if self.class_means else None

    def brings_means(self, number: int) -> bool:
        """Return whether a round brings class means."""
        return self.class_means and number == 1

    def at(self, number: int) -> Self:
        """Return the same with the batch and the pull that a round has."""
        return replace(self, batch_size=1, proximal_mu=0.0) if self.brings_means(number) else self

    def rate(self, number: int) -> float:
        """Return the step size in a round, counted from 1."""
        return STEP if self.brings_means(number) else self.learning_rate * self._share(number)

    def epochs_in(self, number: int) -> int:
        """Return the passes over a client's own samples in a round, counted from 1."""
        if self.brings_means(number):
            return 1
        return self.epochs or rates.epochs(self._share(number) if self.quick else 1.0)

    def _share(self, number: int) -> float:
        """Return the step size in a round as a share of that in the first."""
        return self.decay ** ((number - 1) // self.decay_rounds)

    @property
    def told(self) -> str:
        """The step sizes in words: "0.2 by rule, times 0.5 after each 20 rounds; round 1 brings class means"."""
        rule = " by rule" if self.by_rule else ""
        falls = f", times {self.decay:g} after each {self.decay_rounds} rounds" if self.decay != 1.0 else ""
        means = "; round 1 brings class means" if self.class_means else ""
        return f"{self.learning_rate:g}{rule}{falls}{means}"

    @property
    def told_epochs(self) -> str:
        """The epochs in words: "5 by rule, fewer as the learning rate falls"."""
        falls = ", fewer as the learning rate falls" if self.quick and self.decay != 1.0 else ""
        return f"{self.epochs}" if self.epochs else f"{rates.EPOCHS} by rule{falls}"

    def document(self) -> dict[str, Any]:
        """Return the step sizes for summary.json."""
        return {
            "start": self.learning_rate,
            "decay": self.decay,
            "rounds": self.decay_rounds,
            "by_rule": self.by_rule,
            "told": self.told,
        }

    def summary(self) -> dict[str, Any]:
        """Return the entries of summary.json about step sizes, epochs and noise."""
        noise = {} if self.noise is None else {"privacy": self.noise.document()}
        epochs = {"start": self.epochs or rates.EPOCHS, "by_rule": not self.epochs, "told": self.told_epochs}
        return {"learning_rate": self.document(), "local_epochs": epochs, **noise}

    def plan(self, number: int, client: int) -> TrainingPlan:
        """Return the training plan that a client's board gets for a round."""
        own = self.at(number)
        return TrainingPlan(
            codec_down=self.codec_down,
            codec_up=self.codec_up,
            epochs=self.epochs_in(number),
            batch=own.batch_size,
            rate=self.rate(number),
            seed=training_seed(self.seed, client),
            proximal_mu=own.proximal_mu,
            personal=self.personal,
            noise=self.noise.message if self.noise else None,
        )


def _checked_pull(rate: float, mu: float) -> float:
    """Return mu, if boards accept it with that rate; later rates are smaller."""
    if np.float32(rate) * np.float32(mu) <= MAX_PULL:
        return mu
    raise ConfigError(
        "E_CONFIG_RANGE",
        f"learning rate {rate:g} * proximal mu {mu:g} is {rate * mu:g}; boards accept at most 0.01, because a stronger "
        "pull lets a coordinator read samples out of deltas.",
        f"Use --proximal-mu {0.01 / rate:.4g} or less, or a smaller --learning-rate.",
    )
