from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_drift_and_foreign_usage'),
    ]

    operations = [
        migrations.AddField(
            model_name='pool',
            name='learn_limits',
            field=models.BooleanField(db_default=True, default=True, help_text="Go by what Anthropic's answers say of its own rate limits: what remains, and when it is full again.", verbose_name="heed Anthropic's limits"),
        ),
    ]
