from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0013_access_key_versions'),
    ]

    operations = [
        migrations.AddField(
            model_name='pool',
            name='learn_limits',
            field=models.BooleanField(db_default=True, default=True, help_text="Go by what Anthropic's answers say of its own rate limits: what remains, and when it is full again.", verbose_name="heed Anthropic's limits"),
        ),
    ]
