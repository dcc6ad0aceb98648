"""The unified social credit code (统一社会信用代码) and its check digit, GB 32100."""

LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # 31 signs without I, O, S, V, Z
LENGTH = 18


def check_digit(body: str) -> str:
    """Return the check digit of the first 17 signs; raises ValueError for other signs."""
    if len(body) != LENGTH - 1:
        raise ValueError("a social credit code has 17 signs and a check digit")
    total = sum(LETTERS.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return LETTERS[-total % 31]


def is_valid(code: str) -> bool:
    """Tell whether a code has the right length, signs and check digit."""
    try:
        return len(code) == LENGTH and check_digit(code[:-1]) == code[-1]
    except ValueError:
        return False
