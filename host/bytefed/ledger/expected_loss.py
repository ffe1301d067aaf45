"""The expected bytes of a round on a link that loses frames (SPEC.md section 6.1).

Each frame is lost with probability q, independently of the others. The bytes are those that the host's port counts:
every frame that the host sends, and those of the board's frames that arrive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bytefed.ledger.wire_size import LinkProfile, blob_size
from bytefed.protocol.chunks import ChunkPlan
from bytefed.protocol.direction import Direction
from bytefed.protocol.message import HEADER_SIZE, Accept, Begin, Error, Get, Next

_NEGLIGIBLE = 1e-12  # probability that a further burst is needed


@dataclass(frozen=True)
class _Lossy:
    """A link and its loss; methods return the bytes of whole frames on the wire, given the number of body bytes.

    Chunks, and ACKs that are not final, are in the clear on every link; all else is sealed where the link is.
    """

    profile: LinkProfile
    q: float

    def clear(self, body: int) -> int:
        return self.profile.w(HEADER_SIZE + body)

    def control(self, body: int) -> int:
        length = HEADER_SIZE + body
        return self.profile.sealed_w(length) if self.profile.sealed else self.profile.w(length)

    def poll(self) -> float:
        """Return the expected bytes of POLLs until one and its answer get through, without the answer."""
        return self.control(0) / (1 - self.q) ** 2

    def exchange(self, request: int, answer: int) -> float:
        """Return the expected bytes of a request, repeated until its answer arrives, and of that answer."""
        return self.control(request) / (1 - self.q) ** 2 + self.control(answer)

    def bitmap_ack(self, plan: ChunkPlan) -> int:
        return self.clear((plan.window + 7) // 8)

    def bursts(self, n: int) -> Iterator[tuple[float, float, float]]:
        """Yield, for j = 0, 1, ..., t_j, s_j and the probability that nothing of n chunks arrived in j bursts."""
        j, q = 0, self.q
        missing = 1.0
        while missing > _NEGLIGIBLE:
            lost = q**j
            tail = sum((1 - lost) ** k * lost ** (n - k) for k in range(n))
            yield missing, tail, lost**n
            j += 1
            missing = 1 - (1 - q**j) ** n


def _windows(plan: ChunkPlan) -> Iterator[range]:
    for start in range(0, plan.count, plan.window):
        yield plan.window_of(start)


def _chunks(link: _Lossy, plan: ChunkPlan) -> int:
    return sum(link.clear(plan.size_of(i)) for i in range(plan.count))


def push_expected(profile: LinkProfile, blob: int, q: float, *, late_answer: int = Accept.size()) -> float:
    """Return the bytes expected for a push of `blob` bytes at frame loss q, 0 <= q < 1.

    Args:
        profile: Profile of the link.
        blob: Bytes of the blob.
        q: Probability that a frame is lost.
        late_answer: Body bytes of the answer to a POLL once the blob is complete: that of ACCEPT, since the board then
            trains.
    """
    link, plan = _Lossy(profile, q), profile.plan(blob, Direction.DOWN)
    total = _chunks(link, plan) / (1 - q)
    for window in _windows(plan):
        last = window.stop == plan.count
        total += _push_acks(link, plan, len(window))
        ack, late = (link.control(1), link.control(late_answer)) if last else (link.clear(0), link.clear(0))
        total += (1 - q) * ack + q * (link.poll() + late)
    return total


def _push_acks(link: _Lossy, plan: ChunkPlan, n: int) -> float:
    """Return the expected bytes of ACKs and POLLs after those bursts of a window that leave chunks missing."""
    q, total = link.q, 0.0
    before = 1.0
    for j, (t, s, _) in enumerate(link.bursts(n)):
        if j == 0:
            continue  # nothing was sent yet
        heard, unheard = t - q * before, q * before
        total += heard * (link.bitmap_ack(plan) + q * link.poll())
        total += unheard * link.poll() + s * link.clear(0) + (unheard - s) * link.bitmap_ack(plan)
        before = t
    return total


def pull_expected(profile: LinkProfile, blob: int, q: float) -> float:
    """Return the bytes expected for a pull of `blob` bytes, with GET."""
    link, plan = _Lossy(profile, q), profile.plan(blob, Direction.UP)
    asked = 0.0
    for window in _windows(plan):
        for t, s, nothing in link.bursts(len(window)):
            asked += s * link.clear(0) + (t - s) * link.bitmap_ack(plan)
            if window.start == 0:
                asked += nothing * (link.control(Get.size()) - link.clear(0))
    return _chunks(link, plan) + asked / (1 - q)


def round_expected(
    profile: LinkProfile,
    features: int,
    classes: int,
    q: float,
    codec_down: str = "float32",
    codec_up: str = "float32",
) -> float:
    """Return the bytes expected for a round of one board with a head at frame loss q; see ``blobs_expected``."""
    down, up = blob_size(codec_down, features, classes), blob_size(codec_up, features, classes)
    return blobs_expected(profile, down, up, q)


def blobs_expected(profile: LinkProfile, down: int, up: int, q: float, *, statistics: bool = False) -> float:
    """Return the bytes expected for a round of one board at frame loss q, without CONFIG.

    Training is assumed to last longer than a time-out; shorter training saves a few POLLs.

    Args:
        profile: Profile of the link.
        down: Bytes of the blob that goes down.
        up: Bytes of the blob that goes up.
        q: Probability that a frame is lost, 0 <= q < 1.
        statistics: Whether the board answers by RESULT, not by DONE.
    """
    link = _Lossy(profile, q)
    answer = profile.answer_size(statistics=statistics)
    inline = profile.inlines(answer, up)
    arrives = link.control(answer + (up if inline else profile.proof))
    if profile.starts_by_next(down):
        total = _next_expected(link, Next.size() + down) + arrives
    else:
        total = link.exchange(Begin.size() + profile.proof, Accept.size()) + push_expected(profile, down, q)
        total += arrives + q * link.poll()
    return total if inline else total + pull_expected(profile, up, q)


def _next_expected(link: _Lossy, body: int) -> float:
    """Return the bytes expected for a NEXT and all that it takes until its answer arrives, without that answer.

    The board has NEXT after 1 / (1 - q) sendings. Each loss of it is found out by a POLL, answered by ERROR; the loss
    of the answer by one more. The host repeats a POLL until it is answered.
    """
    lost = link.q / (1 - link.q)
    sent = link.control(body) / (1 - link.q)
    return sent + lost * (link.poll() + link.control(Error.size())) + link.q * link.poll()
