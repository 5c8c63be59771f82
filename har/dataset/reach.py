"""What a score can say, by who is in the videos and how many are tested: a sentence each."""

FEW_VIDEOS = 20  # of a test; if all are right, the interval begins at 84 %
SQUARED_NORMAL_QUANTILE = 1.96**2  # of a 95 % interval
UNKNOWN_PEOPLE = (
    "nobody says who is in the videos, so a person can be trained on and tested on, and the score "
    "tells how well the model knows these people, not how it does on others"
)


def describe_few(num_videos: int) -> str:
    """Return what a test of so few videos can say; empty where they are enough.

    Where all of n videos are right, Wilson's interval begins at n / (n + 1.96^2).

    Example:
        >>> describe_few(2)
        'with a test of 2 videos even a score of 100 % has a 95 % interval from 34 % on'
        >>> describe_few(20)
        ''
    """
    if num_videos >= FEW_VIDEOS:
        return ""
    low = 100 * num_videos / (num_videos + SQUARED_NORMAL_QUANTILE)
    videos = "1 video" if num_videos == 1 else f"{num_videos} videos"
    return f"with a test of {videos} even a score of 100 % has a 95 % interval from {low:.0f} % on"
